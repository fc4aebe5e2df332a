import { cohenKappa, type Kappa } from './kappa.ts';
import { valueOf, type Protocol, type ProtocolValue } from './protocol.ts';
import { isCoded, isNumeric, requireField, valueSetOf, type ProtocolSchema } from './schema.ts';
import type { ProtocolField } from './schema-format.ts';

type Values = Pick<Protocol, 'values'>;

/** How the values of one field in several protocols stand to each other. */
export type FieldRelation =
  /** Nobody assessed it. */
  | 'not-assessed'
  /** Everybody has the same value. */
  | 'same'
  /** Some did not assess it; those who did agree. */
  | 'partly-assessed'
  /** Two of them differ. */
  | 'different';

export interface FieldComparison {
  readonly field: string;
  /** In the order of the protocols. */
  readonly values: readonly ProtocolValue[];
  readonly relation: FieldRelation;
}

/** Compares several protocols of one photograph field by field, in the order of the schema. */
export function compareProtocols(schema: ProtocolSchema, protocols: readonly Values[]): FieldComparison[] {
  return [...schema.fields.keys()].map((field) => {
    const values = protocols.map((protocol) => valueOf(protocol, field));
    return { field, values, relation: relate(values) };
  });
}

function relate(values: readonly ProtocolValue[]): FieldRelation {
  const assessed = new Set(values.filter((value) => value !== null));
  if (assessed.size === 0) return 'not-assessed';
  if (assessed.size > 1) return 'different';
  return values.includes(null) ? 'partly-assessed' : 'same';
}

/** Two observers' descriptions of one photograph. */
export interface ObserverPair {
  readonly first: Values;
  readonly second: Values;
}

/** How far two observers agree about one field over many photographs. */
export interface FieldAgreement {
  readonly field: string;
  /** Photographs that both assessed; agreement is computed over these alone. */
  readonly both: number;
  /** Photographs that exactly one of them assessed. */
  readonly onlyOne: number;
  /** Share of `both` with equal values; null when there are none. */
  readonly equal: number | null;
  /** Cohen's κ of a coded field. */
  readonly kappa: Kappa | null;
  /** Quadratic-weighted κ of a field with an order, over the pairs whose codes both have a rank. */
  readonly weightedKappa: Kappa | null;
  /** Of a number: mean of second − first, and the limits that hold 95 % of differences (Bland and Altman 1986). */
  readonly difference: Differences | null;
}

export interface Differences {
  readonly mean: number;
  readonly meanAbsolute: number;
  /** mean ± 1.96 standard deviations; null with fewer than two pairs. */
  readonly limits: readonly [number, number] | null;
}

/** Agreement of two observers for every field of the schema that is a code or a number. */
export function measureAgreement(schema: ProtocolSchema, pairs: readonly ObserverPair[]): FieldAgreement[] {
  return [...schema.fields.values()]
    .filter((field) => isCoded(field) || isNumeric(field))
    .map((field) => measureFieldAgreement(schema, pairs, field.id));
}

/**
 * Agreement of two observers about one field.
 *
 * @throws ProtocolError when the schema has no such field
 */
export function measureFieldAgreement(
  schema: ProtocolSchema,
  pairs: readonly ObserverPair[],
  fieldId: string,
): FieldAgreement {
  const field = requireField(schema, fieldId);
  const values = pairs.map(
    ({ first, second }) => [valueOf(first, fieldId), valueOf(second, fieldId)] as const,
  );
  const both = values.filter(
    (pair): pair is readonly [string | number, string | number] => !pair.includes(null),
  );
  const equal = both.filter(([a, b]) => a === b).length;
  return {
    field: fieldId,
    both: both.length,
    onlyOne: values.filter(([a, b]) => (a === null) !== (b === null)).length,
    equal: both.length === 0 ? null : equal / both.length,
    ...measureKind(schema, field, both),
  };
}

function measureKind(
  schema: ProtocolSchema,
  field: ProtocolField,
  both: readonly (readonly [string | number, string | number])[],
): Pick<FieldAgreement, 'kappa' | 'weightedKappa' | 'difference'> {
  if (isNumeric(field)) {
    const differences = both.map(([a, b]) => Number(b) - Number(a));
    return { kappa: null, weightedKappa: null, difference: describeDifferences(differences) };
  }
  const set = valueSetOf(schema, field);
  if (set === null) return { kappa: null, weightedKappa: null, difference: null };
  const codes = both.map(([a, b]) => [String(a), String(b)] as const);
  const ordered = set.ordered;
  const ranked = codes.filter(([a, b]) => ordered?.includes(a) && ordered.includes(b));
  return {
    kappa: cohenKappa(
      codes,
      set.values.map(({ code }) => code),
      'unweighted',
    ),
    weightedKappa: ordered === undefined ? null : cohenKappa(ranked, ordered, 'quadratic'),
    difference: null,
  };
}

function describeDifferences(differences: readonly number[]): Differences | null {
  const n = differences.length;
  if (n === 0) return null;
  const mean = differences.reduce((sum, each) => sum + each, 0) / n;
  const meanAbsolute = differences.reduce((sum, each) => sum + Math.abs(each), 0) / n;
  if (n === 1) return { mean, meanAbsolute, limits: null };
  const variance = differences.reduce((sum, each) => sum + (each - mean) ** 2, 0) / (n - 1);
  const reach = 1.96 * Math.sqrt(variance);
  return { mean, meanAbsolute, limits: [mean - reach, mean + reach] };
}
