import type { ProtocolField, ProtocolSchemaFile } from './schema-format.ts';

export type LanguageRules = ProtocolSchemaFile['languages']['en'];

/** Writes a number as the language does: `0,4`, or in the field's own way: `2:3`. */
export function writeNumber(field: ProtocolField, value: number, rules: LanguageRules): string {
  const own = Object.entries(field.written ?? {}).find(([, number]) => number === value);
  return own?.[0] ?? String(value).replace('.', rules.decimal);
}

/** Reads a number at a place in a text; null when there is none. */
export function readNumber(
  field: ProtocolField,
  text: string,
  start: number,
  rules: LanguageRules,
): { value: number; end: number } | null {
  for (const [own, value] of Object.entries(field.written ?? {})) {
    if (text.startsWith(own, start)) return { value, end: start + own.length };
  }
  const decimal = rules.decimal === '.' ? '\\.' : rules.decimal;
  const pattern = new RegExp(`\\d+(?:${decimal}\\d+)?`, 'uy');
  pattern.lastIndex = start;
  const [match] = pattern.exec(text) ?? [];
  if (match === undefined) return null;
  return { value: Number(match.replace(rules.decimal, '.')), end: start + match.length };
}

/**
 * Puts a text between quotation marks: the first pair that it does not contain; if it contains all of them, the first
 * pair with every closing mark inside written twice.
 */
export function quote(text: string, rules: LanguageRules): string {
  const free = rules.quotes.find(([open, close]) => !text.includes(open) && !text.includes(close));
  if (free !== undefined) return free[0] + text + free[1];
  const [open, close] = rules.quotes[0]!;
  return open + text.replaceAll(close, close + close) + close;
}

/** Reads what {@link quote} wrote, at a place in a text; null when no quotation begins there or it never ends. */
export function readQuoted(
  text: string,
  start: number,
  rules: LanguageRules,
): { value: string; end: number } | null {
  const pair = rules.quotes.find(([open]) => text.startsWith(open, start));
  if (pair === undefined) return null;
  const close = pair[1];
  let value = '';
  for (let at = start + 1; at < text.length; at++) {
    if (text[at] !== close) value += text[at]!;
    else if (text[at + 1] === close) value += text[at++]!;
    else return { value, end: at + 1 };
  }
  return null;
}
