import type { DecodedField, DecodedLayer } from '../../../electron/contract/decoders.ts';
import { valueOf, type Protocol, type ProtocolValue } from '../../../electron/protocol/protocol.ts';
import type { ProtocolSchema } from '../../../electron/protocol/schema.ts';

/** One field beside what others wrote about it. */
export interface DecodedRow {
  readonly field: string;
  /** null when the decoder has nothing to do with the field. */
  readonly decoded: DecodedField | null;
  /** In the order of the protocols; null is "not assessed". */
  readonly others: readonly ProtocolValue[];
  /** Only between values that were assessed: what nobody assessed neither agrees nor differs. */
  readonly relation: 'same' | 'different' | null;
}

export interface DecodedGroup {
  /** A group of the protocol; null for questions that the protocol does not ask. */
  readonly group: string | null;
  readonly rows: readonly DecodedRow[];
}

/**
 * What was decoded from a layer beside other protocols of the same photograph, in the order of the schema.
 *
 * @param complete also fields that the decoder does not read and nobody assessed
 */
export function rowsOf(
  schema: ProtocolSchema,
  layer: DecodedLayer,
  others: readonly Pick<Protocol, 'values'>[],
  complete: boolean,
): DecodedGroup[] {
  const decoded = new Map(layer.fields.map((each) => [each.field, each]));
  const row = (field: string): DecodedRow => {
    const own = decoded.get(field) ?? null;
    const values = others.map((protocol) => valueOf(protocol, field));
    return { field, decoded: own, others: values, relation: relate(own?.value ?? null, values) };
  };
  const groups = schema.groups.map(({ id, fields }) => ({
    group: id,
    rows: fields
      .map((field) => row(field.id))
      .filter((each) => complete || each.decoded !== null || each.others.some((value) => value !== null)),
  }));
  const rest = layer.fields.filter(({ field }) => !schema.fields.has(field)).map(({ field }) => row(field));
  return [...groups, { group: null, rows: rest }].filter(({ rows }) => rows.length > 0);
}

function relate(decoded: ProtocolValue, others: readonly ProtocolValue[]): DecodedRow['relation'] {
  const assessed = [decoded, ...others].filter((value) => value !== null);
  if (assessed.length < 2) return null;
  return new Set(assessed).size === 1 ? 'same' : 'different';
}
