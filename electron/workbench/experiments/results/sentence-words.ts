import type { ConceptResult, ConditionResult, HypothesisResult } from '../../../contract/experiments.ts';

interface Difference {
  /** Photographs × layers before the last in which the notebook's first curve shows the token of its label. */
  readonly same: number;
  readonly cells: number;
  /** Layers at which another token leads in most photographs. */
  readonly layers: number;
  readonly numLayers: number;
}

export interface SentenceWords {
  readonly exploratory: string;
  hypothesis(result: HypothesisResult, level: number): string;
  subject(concept: ConceptResult, condition: ConditionResult): string;
  leak(label: string): string;
  difference(found: Difference): string;
  unit(photographs: number, patients: number): string;
  readonly noControls: string;
  rule(controls: number, needed: number): string;
  intervals(samples: number, seed: number): string;
  maxT(attainableP: number, samples: number): string;
  holm(tests: number, level: number): string;
}

export const conditionWords = {
  en: {
    lens: { logit: 'logit lens', raw: 'raw lens', shortcut: 'linear shortcut', jacobian: 'Jacobian lens' },
    quote: (text: string) => `“${text}”`,
  },
  ru: {
    lens: { logit: 'логит-линза', raw: 'сырая линза', shortcut: 'линейная линза', jacobian: 'линза Якоби' },
    quote: (text: string) => `«${text}»`,
  },
} as const;

const numbers = (locale: string) => ({
  percent: (share: number) => `${(100 * share).toLocaleString(locale, { maximumFractionDigits: 1 })} %`,
  p: (value: number) =>
    value < 1e-4
      ? `< ${(1e-4).toLocaleString(locale, { maximumFractionDigits: 4 })}`
      : `= ${value.toLocaleString(locale, { maximumSignificantDigits: 2 })}`,
  plain: (value: number) => value.toLocaleString(locale, { maximumSignificantDigits: 2 }),
});

const en = numbers('en');
const ru = numbers('ru');
const russianPlurals = new Intl.PluralRules('ru');
/** The form for a count, as in "1 снимок, 2 снимка, 5 снимков". */
function inflect(count: number, one: string, few: string, many: string): string {
  const form = russianPlurals.select(count);
  return `${count} ${form === 'one' ? one : form === 'few' ? few : many}`;
}
const plural = (count: number, one: string, many: string) => `${count} ${count === 1 ? one : many}`;

const english: SentenceWords = {
  exploratory: 'No hypothesis was fixed before the run: what follows is exploratory and confirms nothing.',
  hypothesis: (result, level) => {
    const { label, expect, by, share, patients, counted, interval } = result;
    const claim = `“${label.en}” ${expect === 'never' ? 'at no layer' : by === null ? 'readable' : `readable by layer ${by}`} in more than ${en.percent(share)} of patients`;
    if (interval === null || result.correctedP === null || result.correctedPAgainst === null)
      return `Hypothesis (${claim}): not asked, because the concept could be judged in no patient.`;
    const counts = `${counted} of ${plural(patients, 'patient', 'patients')} (95 % Clopper–Pearson ${en.percent(interval[0])} to ${en.percent(interval[1])})`;
    const p = `exact binomial, Holm-corrected p ${en.p(result.verdict === 'fails' ? result.correctedPAgainst : result.correctedP)}`;
    const said = {
      holds: 'holds',
      fails: 'fails: it is so in fewer',
      undecided: `is undecided at the level of ${en.plain(level)}`,
      'not-asked': '',
    }[result.verdict];
    return `Hypothesis (${claim}) ${said}: ${counts}, ${p}.`;
  },
  subject: ({ label, readable, never, notAsked, notIdentifiable, emergence }, { photographs }) => {
    const open = notAsked + notIdentifiable;
    const unasked = open === 0 ? '' : ` In ${open} it was not asked.`;
    if (emergence === null)
      return `“${label.en}” could not be asked in any of ${plural(photographs, 'photograph', 'photographs')}: too few controls, or no word that tells it apart.`;
    const from =
      emergence.layer === null
        ? 'at no layer is it readable in half of them'
        : `half of them have it from layer ${emergence.layer} on (95 % interval over patients: ${span(emergence.interval, 'never')})`;
    return `“${label.en}” is readable where the answer begins in ${readable} of ${plural(readable + never, 'photograph', 'photographs')} of ${plural(emergence.patients, 'patient', 'patients')}; ${from}; never in ${en.percent(emergence.never)} (${en.percent(emergence.neverInterval[0])} to ${en.percent(emergence.neverInterval[1])}).${unasked}`;
  },
  leak: (label) => `The prompt names “${label}” itself, so that reading it may only echo the question.`,
  difference: ({ same, cells, layers, numLayers }) =>
    `What differs: the raw lens leaves out the final norm before the unembedding at every layer but the last; the token that leads in most photographs is another one than by the logit lens at ${layers} of ${numLayers} layers. The notebook’s first curve is labelled by the last layer’s token; before that layer it is of this token in ${same} of ${cells} photographs and layers and of other tokens elsewhere, so that its rise alone does not show that the model has the word.`,
  unit: (photographs, patients) =>
    `n = ${plural(patients, 'patient', 'patients')}, ${plural(photographs, 'photograph', 'photographs')}. The unit is the patient: photographs of one are averaged; a photograph without a patient stands for itself.`,
  noControls: 'Without controls nothing is called readable.',
  rule: (controls, needed) =>
    `A concept is readable at a layer by whole words against at least ${controls} controls a photograph (${needed} are needed): rank p, a null of random tokens, at least 1 nat over the highest control, from the last layer backwards; Benjamini–Hochberg over concepts.`,
  intervals: (samples, seed) =>
    `Intervals of curves, layers and shares: 95 % percentile bootstrap over patients, ${samples} samples, seed ${seed}; a share of all patients or of none has the exact one (Clopper–Pearson).`,
  maxT: (attainableP, samples) =>
    `Curves against the highest control: two-sided paired sign-flip test over patients (at most ${samples} flips), corrected over layers by max-T (Westfall & Young); least attainable p ${en.plain(attainableP)}.`,
  holm: (tests, level) =>
    `Hypotheses: exact one-sided binomial tests over patients, ${tests} in all, Holm-corrected to a family-wise error of ${en.plain(level)}; intervals of shares are Clopper–Pearson.`,
};

const russian: SentenceWords = {
  exploratory:
    'Гипотезы до запуска не зафиксированы: дальнейшее — разведочный анализ, он ничего не подтверждает.',
  hypothesis: (result, level) => {
    const { label, expect, by, share, patients, counted, interval } = result;
    const claim = `«${label.ru}» ${expect === 'never' ? 'не читается ни на одном слое' : by === null ? 'читается' : `читается не позже слоя ${by}`} более чем у ${ru.percent(share)} пациентов`;
    if (interval === null || result.correctedP === null || result.correctedPAgainst === null)
      return `Гипотеза (${claim}) не проверена: понятие нельзя было оценить ни у одного пациента.`;
    const counts = `${counted} из ${inflect(patients, 'пациента', 'пациентов', 'пациентов')} (95 % интервал Клоппера — Пирсона: ${ru.percent(interval[0])} – ${ru.percent(interval[1])})`;
    const p = `точный биномиальный тест, p с поправкой Холма ${ru.p(result.verdict === 'fails' ? result.correctedPAgainst : result.correctedP)}`;
    const said = {
      holds: 'подтверждена',
      fails: 'отвергнута: доля меньше',
      undecided: `не решена при уровне ${ru.plain(level)}`,
      'not-asked': '',
    }[result.verdict];
    return `Гипотеза (${claim}) ${said}: ${counts}, ${p}.`;
  },
  subject: ({ label, readable, never, notAsked, notIdentifiable, emergence }, { photographs }) => {
    const open = notAsked + notIdentifiable;
    const unasked =
      open === 0 ? '' : ` Вопрос не задан для ${inflect(open, 'снимка', 'снимков', 'снимков')}.`;
    if (emergence === null)
      return `О понятии «${label.ru}» нельзя было спросить ни для одного из ${inflect(photographs, 'снимка', 'снимков', 'снимков')}: мало контролей или нет слова, которое его отличает.`;
    const from =
      emergence.layer === null
        ? 'ни на одном слое оно не читается на половине снимков'
        : `на половине снимков — начиная со слоя ${emergence.layer} (95 % интервал по пациентам: ${span(emergence.interval, 'никогда')})`;
    return `«${label.ru}» читается там, где начинается ответ, на ${readable} из ${inflect(readable + never, 'снимка', 'снимков', 'снимков')} ${inflect(emergence.patients, 'пациента', 'пациентов', 'пациентов')}; ${from}; никогда — в ${ru.percent(emergence.never)} (${ru.percent(emergence.neverInterval[0])} – ${ru.percent(emergence.neverInterval[1])}).${unasked}`;
  },
  leak: (label) => `Запрос сам называет понятие «${label}», и его чтение может лишь повторять вопрос.`,
  difference: ({ same, cells, layers, numLayers }) =>
    `В чём разница: сырая линза на всех слоях, кроме последнего, пропускает финальную нормализацию перед выходной матрицей; токен, ведущий на большинстве снимков, не тот, что у логит-линзы, на ${layers} из ${numLayers} слоёв. Первая кривая блокнота подписана токеном последнего слоя; до этого слоя она относится к нему в ${same} из ${cells} случаев (снимок × слой), в остальных — к другим токенам, и сам по себе её подъём не означает, что модель располагает этим словом.`,
  unit: (photographs, patients) =>
    `n = ${inflect(patients, 'пациент', 'пациента', 'пациентов')}, ${inflect(photographs, 'снимок', 'снимка', 'снимков')}. Единица наблюдения — пациент: его снимки усредняются; снимок без пациента считается сам по себе.`,
  noControls: 'Без контролей ничто не называется читаемым.',
  rule: (controls, needed) =>
    `Понятие читается на слое, если по целым словам оно выше не менее ${inflect(controls, 'контроля', 'контролей', 'контролей')} на снимок (нужно ${needed}): ранговое p, нулевое распределение случайных токенов, не менее 1 ната над наибольшим контролем, от последнего слоя назад; по понятиям — Бенджамини — Хохберг.`,
  intervals: (samples, seed) =>
    `Интервалы кривых, слоёв и долей: 95 % процентильный бутстреп по пациентам, ${inflect(samples, 'выборка', 'выборки', 'выборок')}, начальное число ${seed}; у доли, равной 0 или 100 % пациентов, — точный интервал (Клоппера — Пирсона).`,
  maxT: (attainableP, samples) =>
    `Кривые против наибольшего контроля: двусторонний парный тест со сменой знаков по пациентам (не более ${inflect(samples, 'перестановки', 'перестановок', 'перестановок')}), поправка по слоям max-T (Вестфолл и Янг); наименьшее достижимое p ${ru.plain(attainableP)}.`,
  holm: (tests, level) =>
    `Гипотезы: точные односторонние биномиальные тесты по пациентам, всего ${tests}, поправка Холма, ошибка семейства ${ru.plain(level)}; интервалы долей — Клоппера — Пирсона.`,
};

function span([low, high]: readonly [number | null, number | null], never: string): string {
  return `${low ?? never} – ${high ?? never}`;
}

export const sentenceWords: Readonly<Record<'en' | 'ru', SentenceWords>> = { en: english, ru: russian };
