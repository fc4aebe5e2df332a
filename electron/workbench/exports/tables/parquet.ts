import { ByteWriter, parquetWriteRows } from 'hyparquet-writer';
import type { ColumnType, Table } from './table.ts';

const parquetTypes = {
  text: 'STRING',
  whole: 'INT32',
  real: 'DOUBLE',
  flag: 'BOOLEAN',
} as const satisfies Record<ColumnType, string>;
const rowsPerGroup = 100_000;

/**
 * A table as Apache Parquet, Snappy-compressed.
 *
 * @param provenance goes into the file's key-value metadata under `fundus-lens`
 */
export async function toParquet({ columns, rows }: Table, provenance: unknown): Promise<Uint8Array> {
  const writer = new ByteWriter();
  await parquetWriteRows({
    writer,
    columns: columns.map(({ name, type }) => ({ name, type: parquetTypes[type], nullable: true })),
    rows: toRecords(
      columns.map(({ name }) => name),
      rows,
    ),
    rowGroupSize: rowsPerGroup,
    kvMetadata: [{ key: 'fundus-lens', value: JSON.stringify(provenance) }],
    createdBy: 'fundus-lens',
  });
  return writer.getBytes();
}

function* toRecords(names: readonly string[], rows: Table['rows']): Generator<Record<string, unknown>> {
  for (const row of rows) yield Object.fromEntries(names.map((name, index) => [name, row[index]]));
}
