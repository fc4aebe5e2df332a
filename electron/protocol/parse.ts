import { splitPhrase, type PhrasePart } from './phrase.ts';
import { type ProtocolValue } from './protocol.ts';
import { isNumeric, keyOf, type ProtocolSchema } from './schema.ts';
import type { Noun, ProtocolField, ProtocolGroup, ProtocolJoin, ProtocolLanguage } from './schema-format.ts';
import { matchLiteral } from './text-match.ts';
import { readNumber, readQuoted, type LanguageRules } from './value-text.ts';

/** A stretch of the text that says nothing the protocol knows, or that contradicts what was said before. */
export interface TextProblem {
  /** Offset in the text. */
  readonly at: number;
  readonly expected: string;
  readonly found: string;
}

export interface ParsedText {
  /** Field id → value; fields that were not assessed are absent. */
  readonly values: Readonly<Record<string, string | number>>;
  readonly problems: readonly TextProblem[];
}

/** What a stretch of text said: values of fields, or only that something was not assessed. */
interface Reading {
  readonly end: number;
  readonly values: readonly (readonly [string, ProtocolValue])[];
}

/**
 * Reads the values out of a text that `realiseProtocol` wrote, or that a person wrote or changed in the same words.
 *
 * Capitals, "ё" and white space do not matter outside quotation marks. What cannot be read is reported and passed
 * over up to the next comma, semicolon or full stop; it never becomes a value.
 */
export function parseProtocolText(
  schema: ProtocolSchema,
  text: string,
  language: ProtocolLanguage,
): ParsedText {
  return new Parser(schema, text, language).parse();
}

class Parser {
  private readonly values = new Map<string, string | number>();
  private readonly problems: TextProblem[] = [];
  private readonly rules: LanguageRules;
  private readonly schema: ProtocolSchema;
  private readonly text: string;
  private readonly language: ProtocolLanguage;

  constructor(schema: ProtocolSchema, text: string, language: ProtocolLanguage) {
    this.schema = schema;
    this.text = text;
    this.language = language;
    this.rules = schema.languages[language];
  }

  parse(): ParsedText {
    let at = this.skipSpace(0);
    while (at < this.text.length) at = this.skipSpace(this.readSentence(at));
    return { values: Object.fromEntries(this.values), problems: this.problems };
  }

  private readSentence(start: number): number {
    const silent = this.readSilentGroups(start);
    if (silent !== null) return silent;
    const sentence = this.findHead(start);
    if (sentence === null) return this.report(start, 'the beginning of a sentence of the protocol', /[.]/);
    let at = sentence.end;
    for (;;) {
      const clause = longest(this.clausesOf(sentence.groups[0]!, at));
      if (clause === null) at = this.report(at, `a finding of "${sentence.groups[0]!.title.en}"`, /[,;.]/);
      else {
        for (const [id, value] of clause.values) this.keep(sentence.groups, id, value, at);
        at = clause.end;
      }
      if (at >= this.text.length) return at;
      const separator = this.text[at];
      at = this.skipSpace(at + 1);
      if (separator === '.') return at;
    }
  }

  /** "Macula and periphery not assessed.", "Conclusion not given." */
  private readSilentGroups(start: number): number | null {
    const names = this.schema.groups.map((group) => ({ noun: group.name[this.language], values: [] }));
    const own = this.schema.groups.flatMap((group) =>
      group.unassessed === undefined ? [] : this.endsOf(group.unassessed[this.language], start),
    );
    const listed = [...this.match(splitPhrase(this.rules.notAssessed), start, names)].map(({ end }) => end);
    const end = [...own, ...listed].find((at) => this.isSentenceEnd(at));
    return end === undefined ? null : end + 1;
  }

  /** The groups whose sentence begins here: the longest head that fits, or the first group without a head. */
  private findHead(start: number): { groups: readonly ProtocolGroup[]; end: number } | null {
    const heads = [
      ...this.schema.merges.map((merge) => ({
        head: merge.heads[this.language],
        groups: merge.groups.map((id) => this.schema.groups.find((group) => group.id === id)!),
      })),
      ...this.schema.groups.map((group) => ({ head: group.heads[this.language], groups: [group] })),
    ];
    const found = heads.flatMap(({ head, groups }) => {
      if (head === '') {
        return longest(this.clausesOf(groups[0]!, start)) === null ? [] : [{ groups, end: start }];
      }
      const end = matchLiteral(this.text, start, head);
      if (end === null || !/[:\s]/.test(this.text[end] ?? '')) return [];
      return [{ groups, end: this.skipSpace(this.text[end] === ':' ? end + 1 : end) }];
    });
    return longest(found);
  }

  /** Everything that a clause of the group starting here could say. */
  private *clausesOf(group: ProtocolGroup, start: number): Generator<Reading> {
    for (const field of group.fields) {
      if (field.when === undefined) yield* this.withEnd(this.fieldClauses(field, start));
    }
    for (const join of group.joins ?? []) yield* this.withEnd(this.joinClauses(join, start));
    yield* this.withEnd(this.unassessedClauses(group, start));
  }

  private *fieldClauses(field: ProtocolField, start: number): Generator<Reading> {
    for (const reading of this.phraseReadings(field, start)) {
      yield reading;
      for (const details of this.detailReadings(field, reading.end)) {
        yield { end: details.end, values: [...reading.values, ...details.values] };
      }
    }
  }

  private *phraseReadings(field: ProtocolField, start: number): Generator<Reading> {
    const text = field.text?.[this.language];
    for (const [code, phrase] of Object.entries(text?.values ?? {})) {
      const end = matchLiteral(this.text, start, phrase);
      if (end !== null) yield { end, values: [[field.id, code]] };
    }
    if (text?.empty !== undefined) {
      const end = matchLiteral(this.text, start, text.empty);
      if (end !== null) yield { end, values: [[field.id, '']] };
    }
    if (text?.value === undefined) return;
    const [before = '', after = ''] = text.value.split('{value}');
    const at = matchLiteral(this.text, start, before);
    const slot = at === null ? null : this.readSlot(field, at);
    const end = slot === null ? null : matchLiteral(this.text, slot.end, after);
    if (slot !== null && end !== null) yield { end, values: [[field.id, slot.value]] };
  }

  private readSlot(field: ProtocolField, at: number): { value: string | number; end: number } | null {
    if (isNumeric(field)) return readNumber(field, this.text, at, this.rules);
    if (field.pattern === undefined) return readQuoted(this.text, at, this.rules);
    const pattern = new RegExp(field.pattern.replaceAll(' ', '\\s+'), 'uy');
    pattern.lastIndex = at;
    const [found] = pattern.exec(this.text) ?? [];
    return found === undefined ? null : { value: found.replaceAll(/\s+/g, ' '), end: at + found.length };
  }

  /** The details of a field, in the frame that they have behind it. */
  private *detailReadings(field: ProtocolField, start: number): Generator<Reading> {
    const details = this.schema.details.get(field.id) ?? [];
    if (details.length === 0) return;
    const frame = field.text?.[this.language]?.details ?? ' ({list})';
    const [before = '', after = ''] = frame.split('{list}');
    const at = matchLiteral(this.text, start, before);
    if (at === null) return;
    for (const list of this.detailList(details, at)) {
      const end = matchLiteral(this.text, list.end, after);
      if (end !== null) yield { end, values: list.values };
    }
  }

  private *detailList(details: readonly ProtocolField[], start: number): Generator<Reading> {
    for (const detail of details) {
      for (const reading of this.phraseReadings(detail, start)) {
        const comma = matchLiteral(this.text, reading.end, ', ');
        if (comma !== null) {
          for (const more of this.detailList(details, comma)) {
            yield { end: more.end, values: [...reading.values, ...more.values] };
          }
        }
        yield reading;
      }
    }
  }

  private *joinClauses(join: ProtocolJoin, start: number): Generator<Reading> {
    const { items, frames, all } = join.text[this.language];
    for (const [code, frame] of Object.entries(frames)) {
      const nouns = join.fields.map((id) => ({
        noun: items[id]!,
        values: [[id, code] as const],
        field: this.schema.fields.get(id)!,
      }));
      yield* this.match(splitPhrase(frame), start, nouns);
    }
    for (const [code, phrase] of Object.entries(all ?? {})) {
      const end = matchLiteral(this.text, start, phrase);
      if (end !== null) yield { end, values: join.fields.map((id) => [id, code]) };
    }
  }

  private *unassessedClauses(group: ProtocolGroup, start: number): Generator<Reading> {
    const end = matchLiteral(this.text, start, this.rules.rest);
    if (end !== null) yield { end, values: [] };
    const nouns = [
      ...group.fields.map((field) => ({
        noun: field.name[this.language],
        values: [[field.id, null] as const],
      })),
      ...(group.collections ?? []).flatMap(({ fields, whole, rest }) => [
        { noun: whole[this.language], values: fields.map((id) => [id, null] as const) },
        { noun: rest[this.language], values: [] },
      ]),
    ];
    yield* this.match(splitPhrase(this.rules.notAssessed), start, nouns);
  }

  /** All ways to read a phrase with its list; agreement is read in any of its forms. */
  private *match(parts: readonly PhrasePart[], start: number, nouns: readonly Listed[]): Generator<Reading> {
    const [part, ...rest] = parts;
    if (part === undefined) yield { end: start, values: [] };
    else if (part.kind === 'list') {
      for (const list of this.matchList(part, start, nouns)) {
        for (const more of this.match(rest, list.end, nouns)) {
          yield { end: more.end, values: [...list.values, ...more.values] };
        }
      }
    } else {
      const forms = part.kind === 'literal' ? [part.text] : part.kind === 'agreement' ? part.forms : [];
      for (const form of forms) {
        const end = matchLiteral(this.text, start, form);
        if (end !== null) yield* this.match(rest, end, nouns);
      }
    }
  }

  private *matchList(
    part: PhrasePart & { kind: 'list' },
    start: number,
    nouns: readonly Listed[],
  ): Generator<Reading> {
    for (const { noun, values, field } of nouns) {
      const end = matchLiteral(this.text, start, (part.case === 'gen' ? noun.gen : noun.nom) ?? noun.nom);
      if (end === null) continue;
      const details = field === undefined ? [] : [...this.detailReadings(field, end)];
      for (const tail of [...details, { end, values: [] }]) {
        const item = { end: tail.end, values: [...values, ...tail.values] };
        for (const separator of [', ', this.rules.and, this.rules.or]) {
          const next = matchLiteral(this.text, item.end, separator);
          if (next === null) continue;
          for (const more of this.matchList(part, next, nouns)) {
            yield { end: more.end, values: [...item.values, ...more.values] };
          }
        }
        yield item;
      }
    }
  }

  private endsOf(phrase: string, start: number): number[] {
    const end = matchLiteral(this.text, start, phrase);
    return end === null ? [] : [end];
  }

  /** Keeps the readings that end where a clause may end. */
  private *withEnd(readings: Iterable<Reading>): Generator<Reading> {
    for (const reading of readings) {
      const { end } = reading;
      const next = this.text[end];
      if (next === undefined || (/[,;.]/.test(next) && /^(?:\s|$)/.test(this.text.slice(end + 1, end + 2)))) {
        yield reading;
      }
    }
  }

  private isSentenceEnd(at: number): boolean {
    return this.text[at] === '.' && /^(?:\s|$)/.test(this.text.slice(at + 1, at + 2));
  }

  private keep(groups: readonly ProtocolGroup[], id: string, value: ProtocolValue, at: number): void {
    if (value === null) return;
    const key = keyOf(this.schema.fields.get(id)!);
    for (const fieldId of groups.length === 1 ? [id] : groups.map((group) => `${group.id}.${key}`)) {
      const before = this.values.get(fieldId);
      if (before === undefined || before === value) this.values.set(fieldId, value);
      else {
        const title = this.schema.fields.get(fieldId)!.title[this.language];
        this.problems.push({ at, expected: `"${title}" said once (${before})`, found: String(value) });
      }
    }
  }

  /** Notes what cannot be read, and passes over it. */
  private report(at: number, expected: string, stop: RegExp): number {
    let end = at;
    while (end < this.text.length) {
      const quoted = readQuoted(this.text, end, this.rules);
      if (quoted !== null) end = quoted.end;
      else if (stop.test(this.text[end]!) && /^(?:\s|$)/.test(this.text.slice(end + 1, end + 2))) break;
      else end++;
    }
    this.problems.push({ at, expected, found: this.text.slice(at, end) });
    return stop.test(',') ? end : end + 1;
  }

  private skipSpace(at: number): number {
    return at + /^\s*/.exec(this.text.slice(at))![0].length;
  }
}

interface Listed {
  readonly noun: Noun;
  readonly values: readonly (readonly [string, ProtocolValue])[];
  /** The field whose details may follow the noun. */
  readonly field?: ProtocolField;
}

function longest<T extends { readonly end: number }>(readings: Iterable<T>): T | null {
  let best: T | null = null;
  for (const reading of readings) if (best === null || reading.end > best.end) best = reading;
  return best;
}
