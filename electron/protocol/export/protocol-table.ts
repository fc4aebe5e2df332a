import { valueOf, type Protocol } from '../protocol.ts';
import type { ProtocolSchema } from '../schema.ts';

export type TableCell = string | number | null;

/**
 * Names of the columns of a protocol table: what identifies the row, then value, source and certainty of every field.
 */
export function protocolColumns(schema: ProtocolSchema): string[] {
  return [
    'image',
    'observer',
    'schema',
    ...[...schema.fields.keys()].flatMap((id) => [id, `${id}:source`, `${id}:certainty`]),
  ];
}

/**
 * One protocol as a row under {@link protocolColumns}: codes as in the schema, numbers as numbers.
 *
 * What was not assessed is null and thus an empty cell; a text that says "nothing found" is the word `none`, so that the
 * two are told apart.
 */
export function toTableRow(schema: ProtocolSchema, protocol: Protocol): TableCell[] {
  return [
    protocol.image,
    protocol.observer,
    `${protocol.schemaId}/${protocol.schemaVersion}`,
    ...[...schema.fields.keys()].flatMap((id) => {
      const entry = protocol.values[id];
      const value = valueOf(protocol, id);
      return [value === '' ? 'none' : value, entry?.source ?? null, entry?.certainty ?? null];
    }),
  ];
}

/** A protocol as the text of a JSON file, fields in the order of the schema, so that equal protocols give equal files. */
export function toProtocolJson(schema: ProtocolSchema, protocol: Protocol): string {
  const values = Object.fromEntries(
    [...schema.fields.keys()].flatMap((id) => {
      const entry = protocol.values[id];
      return entry === undefined ? [] : [[id, entry]];
    }),
  );
  return `${JSON.stringify({ ...protocol, values }, null, 2)}\n`;
}
