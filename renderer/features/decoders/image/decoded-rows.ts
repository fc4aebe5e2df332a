import type { DecodedField, DecodedLayer } from '../../../../electron/contract/protocols/decoded.ts';
import type { ImageAnswer } from '../../../../electron/contract/protocols/said.ts';
import { valueOf, type Protocol, type ProtocolValue } from '../../../../electron/protocol/protocol.ts';
import type { ProtocolSchema } from '../../../../electron/protocol/schema.ts';

/** One field beside what others wrote about it. */
export interface DecodedRow {
  readonly field: string;
  /** null when the decoder has nothing to do with the field. */
  readonly decoded: DecodedField | null;
  /** In the order of the protocols; null is "not assessed". */
  readonly others: readonly ProtocolValue[];
  /** What the model answers itself; null when it was not asked about the field. */
  readonly said: ImageAnswer | null;
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
  answers: readonly ImageAnswer[] = [],
): DecodedGroup[] {
  const decoded = new Map(layer.fields.map((each) => [each.field, each]));
  const row = (field: string): DecodedRow => {
    const own = decoded.get(field) ?? null;
    const values = others.map((protocol) => valueOf(protocol, field));
    const said = answers.find((answer) => answer.field === field) ?? null;
    const relation = relate([own?.value ?? null, ...values], said);
    return { field, decoded: own, others: values, said, relation };
  };
  const groups = schema.groups.map(({ id, fields }) => ({
    group: id,
    rows: fields
      .map((field) => row(field.id))
      .filter(
        (each) =>
          complete ||
          each.decoded !== null ||
          each.said !== null ||
          each.others.some((value) => value !== null),
      ),
  }));
  const rest = layer.fields.filter(({ field }) => !schema.fields.has(field)).map(({ field }) => row(field));
  return [...groups, { group: null, rows: rest }].filter(({ rows }) => rows.length > 0);
}

/** An answer of yes or no agrees with every value that means the same. */
function relate(values: readonly ProtocolValue[], said: ImageAnswer | null): DecodedRow['relation'] {
  const assessed = values.filter((value) => value !== null);
  const meaning = (value: string | number) =>
    said?.yes.includes(String(value)) === true
      ? 'yes'
      : said?.no.includes(String(value)) === true
        ? 'no'
        : null;
  const meanings = assessed.flatMap((value) => meaning(value) ?? []);
  const isAnswered = said !== null && said.says !== 'unclear' && meanings.length > 0;
  if (assessed.length + Number(isAnswered) < 2) return null;
  const isSame = new Set(assessed).size <= 1 && (!isAnswered || meanings.every((each) => each === said.says));
  return isSame ? 'same' : 'different';
}
