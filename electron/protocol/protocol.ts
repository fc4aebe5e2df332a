import { z } from 'zod';
import { ProtocolError } from './protocol-error.ts';
import { isCoded, isNumeric, requireField, valueSetOf, type ProtocolSchema } from './schema.ts';
import type { ProtocolField } from './schema-format.ts';

/** The form of a protocol file that this software writes and reads. */
export const protocolFormat = 'fundus-lens.protocol/1';

/** Where a value comes from. */
export const valueSources = ['manual', 'measured', 'decoder', 'model-answer', 'imported'] as const;
export type ValueSource = (typeof valueSources)[number];

/** A code, a number in the field's unit, or a text; null is *not assessed*, which is never *normal*. */
export type ProtocolValue = string | number | null;

const entrySchema = z.strictObject({
  value: z.union([z.string(), z.number(), z.null()]),
  source: z.enum(valueSources),
  /** 0–1; null when nobody stated it. */
  certainty: z.number().min(0).max(1).nullable(),
});
export type ProtocolEntry = z.infer<typeof entrySchema>;

export const protocolFileSchema = z.strictObject({
  format: z.literal(protocolFormat),
  schemaId: z.string(),
  schemaVersion: z.int().positive(),
  /** Whatever identifies the photograph where the protocol is kept, such as its SHA-256; null when it stands alone. */
  image: z.string().nullable(),
  /** Who described the photograph; null when not stated. */
  observer: z.string().nullable(),
  /** Field id → entry. A field that is missing here was not assessed. */
  values: z.record(z.string(), entrySchema),
});

/** One description of one photograph. */
export type Protocol = z.infer<typeof protocolFileSchema>;

/** What is wrong with one field of a protocol. */
export interface ProtocolProblem {
  readonly field: string;
  readonly expected: string;
  readonly found: string;
}

/** A protocol in which nothing was assessed yet. */
export function createProtocol(
  schema: ProtocolSchema,
  about: { readonly image?: string | null; readonly observer?: string | null } = {},
): Protocol {
  return {
    format: protocolFormat,
    schemaId: schema.id,
    schemaVersion: schema.version,
    image: about.image ?? null,
    observer: about.observer ?? null,
    values: {},
  };
}

/** The value of a field, null when it was not assessed. */
export function valueOf(protocol: Pick<Protocol, 'values'>, fieldId: string): ProtocolValue {
  return protocol.values[fieldId]?.value ?? null;
}

/** Says whether a detail has its place: its field has one of the values that call for it. Other fields always apply. */
export function applies(field: ProtocolField, protocol: Pick<Protocol, 'values'>): boolean {
  if (field.when === undefined) return true;
  const parent = valueOf(protocol, field.when.field);
  return typeof parent === 'string' && field.when.values.includes(parent);
}

/**
 * Reads a protocol from parsed JSON.
 *
 * @throws ProtocolError for another form, a newer version of the schema, an unknown field, a code outside
 *   its value set, a number outside its limits; every problem is named, not only the first
 */
export function readProtocol(schema: ProtocolSchema, json: unknown): Protocol {
  checkVersion(schema, json);
  const parsed = protocolFileSchema.safeParse(json);
  if (!parsed.success) {
    throw new ProtocolError('The file is not a description protocol.', {
      expected: `"${protocolFormat}" of the schema "${schema.id}"`,
      found: z.prettifyError(parsed.error),
      advice: 'Choose a protocol that was exported as JSON.',
    });
  }
  const problems = findProblems(schema, parsed.data);
  if (problems.length === 0) return parsed.data;
  throw new ProtocolError('The protocol has values that its schema does not allow.', {
    expected: problems.map(({ field, expected }) => `${field}: ${expected}`).join('; '),
    found: problems.map(({ field, found }) => `${field}: ${found}`).join('; '),
    advice: 'Correct these fields, or leave them out: a missing field counts as not assessed.',
  });
}

/** Everything in a protocol that its schema does not allow; empty when it is valid. */
export function findProblems(schema: ProtocolSchema, protocol: Pick<Protocol, 'values'>): ProtocolProblem[] {
  return Object.entries(protocol.values).flatMap(([id, entry]) => {
    const field = schema.fields.get(id);
    if (field === undefined) {
      return [
        {
          field: id,
          expected: `a field of "${schema.id}" version ${schema.version}`,
          found: 'an unknown field',
        },
      ];
    }
    if (entry.value === null) return [];
    const problem = checkValue(schema, field, entry.value);
    if (problem !== null) return [problem];
    if (applies(field, protocol)) return [];
    const { field: parent, values } = field.when!;
    return [
      {
        field: id,
        expected: `a value only where ${parent} is ${values.join(' or ')}`,
        found: `${String(entry.value)} while ${parent} is ${String(valueOf(protocol, parent) ?? 'not assessed')}`,
      },
    ];
  });
}

/** Checks one value against its field; null when it is allowed. */
export function checkValue(
  schema: ProtocolSchema,
  field: ProtocolField,
  value: string | number,
): ProtocolProblem | null {
  const problem = (expected: string) => ({ field: field.id, expected, found: JSON.stringify(value) });
  if (isCoded(field)) {
    const codes = valueSetOf(schema, field)!.values.map(({ code }) => code);
    return typeof value === 'string' && codes.includes(value) ? null : problem(`one of ${codes.join(', ')}`);
  }
  if (isNumeric(field)) {
    const { min, max } = field.limits!;
    const decimals = field.decimals!;
    const expected = `a number from ${min} to ${max} with at most ${decimals} decimals`;
    const fits =
      typeof value === 'number' && value >= min && value <= max && Number(value.toFixed(decimals)) === value;
    return fits && !Object.is(value, -0) ? null : problem(expected);
  }
  if (typeof value !== 'string') return problem('a text');
  if (value === '' && field.text?.en?.empty === undefined) return problem('a text that is not empty');
  if (field.pattern !== undefined && !new RegExp(`^(?:${field.pattern})$`, 'u').test(value)) {
    return problem(`a text such as ${field.example ?? field.pattern}`);
  }
  return null;
}

/** Rounds a number to the decimals that its field keeps, as a measurement must be before it is entered. */
export function roundToField(schema: ProtocolSchema, fieldId: string, value: number): number {
  const rounded = Number(value.toFixed(requireField(schema, fieldId).decimals ?? 0));
  return rounded === 0 ? 0 : rounded;
}

const versionSchema = z.object({ schemaId: z.string(), schemaVersion: z.number() });

function checkVersion(schema: ProtocolSchema, json: unknown): void {
  const head = versionSchema.safeParse(json);
  if (!head.success) return;
  const { schemaId, schemaVersion } = head.data;
  if (schemaId === schema.id && schemaVersion <= schema.version) return;
  throw new ProtocolError('The protocol was written with a schema that is not here.', {
    expected: `schema "${schema.id}" up to version ${schema.version}`,
    found: `schema "${schemaId}" version ${schemaVersion}`,
    advice: 'Update the software, or export the protocol again from the version that it came from.',
  });
}
