import { formatCsv } from '../../../ingest/csv.ts';
import type { CellValue, Table } from './table.ts';

/** Excel reads UTF-8 only with this mark in front. */
const byteOrderMark = '\uFEFF';
const rowsPerChunk = 2000;

/**
 * A table as CSV (RFC 4180, UTF-8 with a byte order mark), in pieces. A text that a spreadsheet would run as a formula
 * gets an apostrophe in front.
 */
export function* toCsv({ columns, rows }: Table): Generator<string> {
  let lines: (readonly CellValue[])[] = [columns.map(({ name }) => name)];
  let mark = byteOrderMark;
  for (const row of rows) {
    lines.push(row);
    if (lines.length < rowsPerChunk) continue;
    yield mark + formatCsv(lines);
    lines = [];
    mark = '';
  }
  if (lines.length > 0) yield mark + formatCsv(lines);
}
