import { checkValue, type ProtocolValue } from '../../../../electron/protocol/protocol.ts';
import { isNumeric, valueSetOf, type ProtocolSchema } from '../../../../electron/protocol/schema.ts';
import type { ProtocolField, ProtocolGroup } from '../../../../electron/protocol/schema-format.ts';

const mostChoices = 5;
const mostLetters = 52;

/** Whether all values fit beside each other; otherwise they go into a list. */
export function fitsChips(schema: ProtocolSchema, field: ProtocolField): boolean {
  const { values } = valueSetOf(schema, field)!;
  const letters = Math.max(
    ...(['en', 'ru'] as const).map((language) => values.map(({ title }) => title[language]).join('').length),
  );
  return values.length <= mostChoices && letters <= mostLetters;
}

/** Sizes in pixels, percent and millimetres, which nobody reads off by eye and which stand apart. */
export function isMeasurement({ measure, when }: ProtocolField): boolean {
  return measure !== undefined && when === undefined && measure.of !== 'cup-disc';
}

/** Whether a text field can say that nothing was found. */
export function canBeEmpty(field: ProtocolField): boolean {
  return field.text?.en?.empty !== undefined;
}

/** A number or text as a person types it; a number is written with the decimal sign of the language. */
export function showValue(field: ProtocolField, value: ProtocolValue, decimal: string): string {
  if (value === null) return '';
  if (typeof value === 'string') return value;
  const written = Object.entries(field.written ?? {}).find(([, number]) => number === value);
  return written?.[0] ?? String(value).replace('.', decimal);
}

/**
 * What was typed as a value of the field; nothing typed is "not assessed".
 *
 * @returns the value, or what was expected instead
 */
export function readTyped(
  schema: ProtocolSchema,
  field: ProtocolField,
  typed: string,
): { readonly value: ProtocolValue } | { readonly expected: string } {
  const text = typed.trim();
  if (text === '') return { value: null };
  const value = isNumeric(field)
    ? (field.written?.[text] ?? Number(text.replace(',', '.')))
    : text.normalize('NFC');
  const problem = checkValue(schema, field, value);
  return problem === null ? { value } : { expected: problem.expected };
}

/** Whether "everything normal" would mean anything in the group. */
export function hasNormal({ fields }: ProtocolGroup): boolean {
  return fields.some(({ normal }) => normal !== undefined);
}
