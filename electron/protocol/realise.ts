import { agree, agreementOf, splitPhrase } from './phrase.ts';
import { applies, valueOf, type Protocol } from './protocol.ts';
import { isNumeric, keyOf, type ProtocolSchema } from './schema.ts';
import type { Noun, ProtocolField, ProtocolGroup, ProtocolLanguage } from './schema-format.ts';
import { quote, writeNumber } from './value-text.ts';

type Values = Pick<Protocol, 'values'>;

/** What is said at once: a noun, and what stands right behind it. */
interface ListItem {
  readonly noun: Noun;
  readonly tail: string;
}

interface Clause {
  readonly text: string;
  readonly predicate: boolean;
  /** A comma beside it would be misread: as one more item of its list, or as the decimal comma of its number. */
  readonly isolated: boolean;
}

/**
 * Writes a protocol as the text of a clinical record: a sentence a group, equal parts said once, what was not
 * assessed said so. The same protocol always gives the same text, and `parseProtocolText` gives its values back.
 *
 * Source and certainty of a value do not stand in the text.
 */
export function realiseProtocol(
  schema: ProtocolSchema,
  protocol: Values,
  language: ProtocolLanguage,
): string {
  return sentencesOf(schema, protocol, language)
    .map(({ text }) => text)
    .join(' ');
}

/** The sentences of a protocol with the groups that each speaks of, in reading order. */
export function sentencesOf(
  schema: ProtocolSchema,
  protocol: Values,
  language: ProtocolLanguage,
): { readonly groups: readonly string[]; readonly text: string }[] {
  const writer = new Writer(schema, protocol, language);
  const sentences: { groups: readonly string[]; text: string }[] = [];
  const silent = schema.groups.filter((group) => !isTouched(group, protocol));
  const named = silent.filter((group) => group.unassessed === undefined);
  const merged = new Set<string>();
  for (const group of schema.groups) {
    if (group.id === schema.unassessedBefore && named.length > 0) {
      const nouns = named.map((each) => ({ noun: each.name[language], tail: '' }));
      const text = writer.fill(schema.languages[language].notAssessed, nouns);
      sentences.push({ groups: named.map(({ id }) => id), text: finish(text) });
    }
    if (merged.has(group.id)) continue;
    if (silent.includes(group)) {
      if (group.unassessed) sentences.push({ groups: [group.id], text: finish(group.unassessed[language]) });
      continue;
    }
    const merge = schema.merges.find(
      ({ groups }) =>
        groups[0] === group.id && groups.every((id) => saysTheSame(schema, protocol, groups[0]!, id)),
    );
    const groups = merge?.groups ?? [group.id];
    for (const id of groups) merged.add(id);
    const head = (merge ?? group).heads[language];
    sentences.push({ groups, text: finish(joinClauses(head, writer.writeGroup(group))) });
  }
  return sentences;
}

function isTouched(group: ProtocolGroup, protocol: Values): boolean {
  return group.fields.some((field) => valueOf(protocol, field.id) !== null);
}

function saysTheSame(schema: ProtocolSchema, protocol: Values, first: string, other: string): boolean {
  const group = schema.groups.find(({ id }) => id === first)!;
  return group.fields.every(
    (field) => valueOf(protocol, field.id) === valueOf(protocol, `${other}.${keyOf(field)}`),
  );
}

function finish(text: string): string {
  return `${text.slice(0, 1).toUpperCase()}${text.slice(1)}.`;
}

/** A comma between clauses, a semicolon where a comma would be misread. */
function joinClauses(head: string, clauses: readonly Clause[]): string {
  const isSimple = ({ text, isolated }: Clause) => !isolated && !text.includes(',');
  const body = clauses.reduce((text, clause, at) => {
    if (at === 0) return clause.text;
    return text + (isSimple(clause) && isSimple(clauses[at - 1]!) ? ', ' : '; ') + clause.text;
  }, '');
  if (head === '') return body;
  return `${head}${clauses[0]!.predicate ? '' : ':'} ${body}`;
}

class Writer {
  private readonly schema: ProtocolSchema;
  private readonly protocol: Values;
  private readonly language: ProtocolLanguage;

  constructor(schema: ProtocolSchema, protocol: Values, language: ProtocolLanguage) {
    this.schema = schema;
    this.protocol = protocol;
    this.language = language;
  }

  writeGroup(group: ProtocolGroup): Clause[] {
    const said = new Set<string>();
    const clauses: Clause[] = [];
    for (const field of group.fields) {
      const value = valueOf(this.protocol, field.id);
      if (value === null || field.when !== undefined || said.has(field.id)) continue;
      const predicate = field.text?.[this.language]?.predicate === true;
      const isolated = isNumeric(field) && this.schema.languages[this.language].decimal === ',';
      const joined = this.writeJoined(field, said);
      const text = () => this.writePhrase(field, value) + this.writeDetails(field);
      clauses.push(...(joined ?? [{ text: text(), predicate, isolated }]));
    }
    const rest = this.writeUnassessed(group);
    return rest === null ? clauses : [...clauses, { text: rest, predicate: false, isolated: true }];
  }

  /**
   * The phrases of a field's join in the order of the schema, each for all fields with that value; adds the fields to
   * those that were said. Null when the join has no phrase for this field's value.
   */
  private writeJoined(field: ProtocolField, said: Set<string>): Clause[] | null {
    const join = this.schema.joinOf.get(field.id);
    const text = join?.text[this.language];
    if (text?.frames[String(valueOf(this.protocol, field.id))] === undefined) return null;
    return Object.entries(text.frames).flatMap(([code, frame]) => {
      const fields = join!.fields.filter((id) => valueOf(this.protocol, id) === code);
      if (fields.length === 0) return [];
      for (const id of fields) said.add(id);
      const items = fields.map((id) => ({
        noun: text.items[id]!,
        tail: this.writeDetails(this.schema.fields.get(id)!),
      }));
      const all = text.all?.[code];
      const isAll = all !== undefined && fields.length === join!.fields.length;
      const phrase = isAll && items.every(({ tail }) => tail === '') ? all : this.fill(frame, items);
      return [{ text: phrase, predicate: false, isolated: true }];
    });
  }

  private writePhrase(field: ProtocolField, value: string | number): string {
    const text = field.text![this.language]!;
    const rules = this.schema.languages[this.language];
    if (text.values !== undefined) return text.values[value]!;
    if (value === '') return text.empty!;
    const written = isNumeric(field)
      ? writeNumber(field, Number(value), rules)
      : field.pattern === undefined
        ? quote(String(value), rules)
        : String(value);
    return text.value!.replace('{value}', () => written);
  }

  /** The assessed details of a field, as they stand behind it; empty when there are none. */
  private writeDetails(field: ProtocolField): string {
    const written = (this.schema.details.get(field.id) ?? []).flatMap((detail) => {
      const value = valueOf(this.protocol, detail.id);
      return value === null || !applies(detail, this.protocol) ? [] : [this.writePhrase(detail, value)];
    });
    const frame = field.text?.[this.language]?.details ?? ' ({list})';
    return written.length === 0 ? '' : frame.replace('{list}', () => written.join(', '));
  }

  /** Names what a touched group leaves open: a few fields by name, more as "the rest". */
  private writeUnassessed(group: ProtocolGroup): string | null {
    const rules = this.schema.languages[this.language];
    const inPlace = group.fields.filter(
      (field) =>
        applies(field, this.protocol) && !(field.silent && valueOf(this.protocol, field.id) === null),
    );
    const open = inPlace.filter((field) => valueOf(this.protocol, field.id) === null).map(({ id }) => id);
    if (open.length === 0) return null;
    const isOpen = (id: string) => open.includes(id);
    const collections = (group.collections ?? []).filter(({ fields }) => fields.some(isOpen));
    const isCollected = (id: string) => collections.some(({ fields }) => fields.includes(id));
    const nouns = [
      ...open.filter((id) => !isCollected(id)).map((id) => this.schema.fields.get(id)!.name[this.language]),
      ...collections.map(({ fields, whole, rest }) => {
        const isWhole = inPlace.every(({ id }) => !fields.includes(id) || isOpen(id));
        return (isWhole ? whole : rest)[this.language];
      }),
    ];
    if (nouns.length > rules.namedAtMost) return rules.rest;
    return this.fill(
      rules.notAssessed,
      nouns.map((noun) => ({ noun, tail: '' })),
    );
  }

  /** A phrase with its list put in, and everything in it that agrees with the list. */
  fill(phrase: string, items: readonly ListItem[]): string {
    const rules = this.schema.languages[this.language];
    const agreement = agreementOf(items.map(({ noun }) => noun));
    return splitPhrase(phrase)
      .map((part) => {
        if (part.kind === 'literal') return part.text;
        if (part.kind === 'agreement') return agree(part.forms, agreement);
        if (part.kind === 'value') throw new Error(`"${phrase}" has a list and a value`);
        const words = items.map(({ noun, tail }) => (part.case === 'gen' ? noun.gen! : noun.nom) + tail);
        return words.length === 1
          ? words[0]!
          : words.slice(0, -1).join(', ') + rules[part.conjunction] + words.at(-1)!;
      })
      .join('');
  }
}
