import type { ConceptFinding, Judged, NotAsked } from './readability.ts';
import { readabilityRule as rule } from './rule.ts';

export type VerdictLanguage = 'en' | 'ru';

export interface VerdictConcept {
  readonly id: string;
  readonly label: { readonly en: string; readonly ru: string };
  readonly finding: ConceptFinding;
}

export interface VerdictInput {
  /** L */
  readonly numLayers: number;
  /** The concept that the first two questions of a study are asked of, usually a parent; null where the set has none. */
  readonly subject: string | null;
  readonly concepts: readonly VerdictConcept[];
}

/** What a trace shows, in plain sentences. "Is readable at", never "knows" or "uses". */
export interface Verdict {
  /** Is the subject readable at the answer? null where the set has none. */
  readonly whether: string | null;
  /** From which layer on? */
  readonly fromWhere: string | null;
  /** One sentence for each concept that is readable, the earliest first. */
  readonly readable: readonly string[];
  /** All that are not, in one sentence; null when there are none. */
  readonly notReadable: string | null;
  /** What could not be asked, and why. */
  readonly notAsked: readonly string[];
}

/**
 * Puts what was found into words; the same in window, terminal, exports and comparison.
 *
 * @see LENS, "When is a concept readable?"
 */
export function describeVerdict(input: VerdictInput, language: VerdictLanguage): Verdict {
  const words = vocabularies[language];
  const { concepts, numLayers } = input;
  const name = ({ label }: VerdictConcept) => words.quote(label[language]);
  const subject = concepts.find(({ id }) => id === input.subject) ?? null;
  const found = concepts.flatMap((concept) =>
    concept.finding.state === 'readable'
      ? [{ concept, finding: concept.finding, layer: concept.finding.layer! }]
      : [],
  );
  found.sort((a, b) => a.layer - b.layer);
  const missing = concepts.filter(({ finding }) => finding.state === 'not-readable');
  const unasked = concepts.flatMap(({ finding, ...concept }) =>
    finding.state === 'not-asked' ? [{ concept: { ...concept, finding }, finding }] : [],
  );
  const byControls = Map.groupBy(unasked, ({ finding }) => finding.numControls);
  const confused = concepts.flatMap((concept) =>
    concept.finding.state === 'not-identifiable'
      ? [
          words.notIdentifiable(
            name(concept),
            concept.finding.collisions.map(({ form }) => form.trim()),
          ),
        ]
      : [],
  );
  return {
    whether: subject && describeWhether(subject, words, name(subject), numLayers),
    fromWhere: subject && describeFromWhere(subject, words, numLayers),
    readable: found.map(({ concept, finding, layer }) =>
      words.readable(name(concept), layer, numLayers, finding),
    ),
    notReadable: missing.length === 0 ? null : words.notReadable(missing.map(name)),
    notAsked: [
      ...[...byControls.values()].map((group) =>
        words.tooFew(
          group.map(({ concept }) => name(concept)),
          group[0]!.finding,
        ),
      ),
      ...confused,
    ],
  };
}

/** The verdict line by line, for a terminal or the first paragraph of a document. */
export function listVerdict({ whether, fromWhere, readable, notReadable, notAsked }: Verdict): string[] {
  return [whether, fromWhere, ...readable, notReadable, ...notAsked].filter((line) => line !== null);
}

function describeWhether(
  { finding }: VerdictConcept,
  words: Vocabulary,
  name: string,
  numLayers: number,
): string {
  switch (finding.state) {
    case 'readable':
      return words.isReadable(name, finding);
    case 'not-readable':
      return words.isNotReadable(name, finding, numLayers);
    case 'not-asked':
      return words.tooFew([name], finding);
    case 'not-identifiable':
      return words.notIdentifiable(
        name,
        finding.collisions.map(({ form }) => form.trim()),
      );
  }
}

function describeFromWhere({ finding }: VerdictConcept, words: Vocabulary, numLayers: number): string {
  if (finding.state === 'readable') return words.from(finding.layer!, numLayers);
  return finding.state === 'not-readable' ? words.fromNowhere : words.fromUnknown;
}

interface Vocabulary {
  quote(text: string): string;
  isReadable(name: string, finding: Judged): string;
  isNotReadable(name: string, finding: Judged, numLayers: number): string;
  from(layer: number, numLayers: number): string;
  readonly fromNowhere: string;
  readonly fromUnknown: string;
  readable(name: string, layer: number, numLayers: number, finding: Judged): string;
  notReadable(names: readonly string[]): string;
  tooFew(names: readonly string[], finding: NotAsked): string;
  notIdentifiable(name: string, forms: readonly string[]): string;
}

const number = (language: VerdictLanguage, value: number, digits: number) =>
  value.toLocaleString(language, { maximumSignificantDigits: digits, useGrouping: false });

const english = {
  p: (value: number) => number('en', value, 2),
  nats: (value: number) =>
    `${number('en', value, 2)} ${Number(number('en', value, 2)) === 1 ? 'nat' : 'nats'}`,
  controls: (count: number) => `${count} ${count === 1 ? 'control' : 'controls'}`,
};

const russianPlurals = new Intl.PluralRules('ru');
const russian = {
  p: (value: number) => number('ru', value, 2),
  nats: (value: number) => `${number('ru', value, 2)} нат`,
  /** In the genitive. */
  controls: (count: number) =>
    `${count} ${russianPlurals.select(count) === 'one' ? 'контроля' : 'контролей'}`,
};

/** p that a finding is quoted with: at the layer that it is readable from, where it is the weakest. */
function quoted({ layers, layer }: Judged): { p: number; effect: number } {
  return layers[layer ?? layers.length - 1]!;
}

const vocabularies: Record<VerdictLanguage, Vocabulary> = {
  en: {
    quote: (text) => `“${text}”`,
    isReadable: (name, finding) =>
      `${name} is readable where the answer begins: above all ${english.controls(finding.numControls)} ` +
      `(p = ${english.p(quoted(finding).p)}).`,
    isNotReadable: (name, finding, numLayers) => {
      const { effect } = finding.layers.at(-1)!;
      const start = `${name} is not readable where the answer begins: at layer ${numLayers} `;
      if (effect < 0)
        return `${start}it lies ${english.nats(-effect)} below the highest of ${english.controls(finding.numControls)}.`;
      if (effect < rule.minEffect)
        return `${start}it exceeds the highest of ${english.controls(finding.numControls)} by ${english.nats(effect)} only.`;
      return `${start}it exceeds the controls, but so do too many other words (q = ${english.p(finding.q)}).`;
    },
    from: (layer, numLayers) =>
      layer === numLayers
        ? `It is readable at the last layer, ${numLayers}, only.`
        : `It is readable from layer ${layer} of ${numLayers} on.`,
    fromNowhere: 'There is no layer from which on it is readable.',
    fromUnknown: 'From which layer on it is readable could therefore not be asked.',
    readable: (name, layer, numLayers, finding) => {
      const { p, effect } = quoted(finding);
      const from =
        layer === numLayers ? `at the last layer, ${layer}, only` : `from layer ${layer} of ${numLayers} on`;
      const left = finding.leftOut.length === 0 ? '' : `; left out: ${finding.leftOut.length} that show it`;
      return (
        `${name} is readable ${from}, ${english.nats(effect)} above the highest of ` +
        `${english.controls(finding.numControls)} (p = ${english.p(p)}, q = ${english.p(finding.q)}${left}).`
      );
    },
    notReadable: (names) => `Not readable: ${names.join(', ')}.`,
    tooFew: (names, { numControls, attainableP }) =>
      `Not asked: ${names.join(', ')}. With ${english.controls(numControls)} p cannot fall below ` +
      `${english.p(attainableP)}; at least ${rule.minControls} are needed.`,
    notIdentifiable: (name, forms) =>
      `${name} cannot be told apart in this model’s vocabulary (${forms.map((form) => `“${form}”`).join(', ')}).`,
  },
  ru: {
    quote: (text) => `«${text}»`,
    isReadable: (name, finding) =>
      `${name} читается там, где начинается ответ: выше всех ${russian.controls(finding.numControls)} ` +
      `(p = ${russian.p(quoted(finding).p)}).`,
    isNotReadable: (name, finding, numLayers) => {
      const { effect } = finding.layers.at(-1)!;
      const start = `${name} не читается там, где начинается ответ: на слое ${numLayers} `;
      if (effect < 0)
        return `${start}понятие на ${russian.nats(-effect)} ниже наибольшего из ${russian.controls(finding.numControls)}.`;
      if (effect < rule.minEffect)
        return `${start}понятие выше наибольшего из ${russian.controls(finding.numControls)} лишь на ${russian.nats(effect)}.`;
      return `${start}понятие выше контролей, но выше их и слишком многие другие слова (q = ${russian.p(finding.q)}).`;
    },
    from: (layer, numLayers) =>
      layer === numLayers
        ? `Понятие читается только на последнем слое (${numLayers}).`
        : `Понятие читается начиная со слоя ${layer} из ${numLayers}.`,
    fromNowhere: 'Слоя, начиная с которого понятие читается, нет.',
    fromUnknown: 'Поэтому вопрос, с какого слоя понятие читается, задать нельзя.',
    readable: (name, layer, numLayers, finding) => {
      const { p, effect } = quoted(finding);
      const from =
        layer === numLayers
          ? `только на последнем слое (${layer})`
          : `начиная со слоя ${layer} из ${numLayers}`;
      const left =
        finding.leftOut.length === 0
          ? ''
          : `; не учтены контроли, которые его показывают: ${finding.leftOut.length}`;
      return (
        `${name} читается ${from}, на ${russian.nats(effect)} выше наибольшего из ` +
        `${russian.controls(finding.numControls)} (p = ${russian.p(p)}, q = ${russian.p(finding.q)}${left}).`
      );
    },
    notReadable: (names) => `Не читаются: ${names.join(', ')}.`,
    tooFew: (names, { numControls, attainableP }) =>
      `Вопрос не задан: ${names.join(', ')}. Контролей всего ${numControls}, и p не может быть меньше ` +
      `${russian.p(attainableP)}; нужно не менее ${rule.minControls}.`,
    notIdentifiable: (name, forms) =>
      `${name} в словаре этой модели не отличить от другого (${forms.map((form) => `«${form}»`).join(', ')}).`,
  },
};
