import type { CellValue, Table } from './table.ts';

/** Excel reads UTF-8 only with this mark in front. */
const byteOrderMark = '\uFEFF';
const rowsPerChunk = 2000;

/**
 * A table as CSV (RFC 4180, UTF-8 with a byte order mark), in pieces. A text that a spreadsheet would run as a formula
 * gets an apostrophe in front.
 */
export function* toCsv({ columns, rows }: Table): Generator<string> {
  let lines = [byteOrderMark + columns.map(({ name }) => toField(name)).join(',')];
  for (const row of rows) {
    lines.push(row.map(toField).join(','));
    if (lines.length < rowsPerChunk) continue;
    yield `${lines.join('\r\n')}\r\n`;
    lines = [];
  }
  if (lines.length > 0) yield `${lines.join('\r\n')}\r\n`;
}

function toField(value: CellValue): string {
  if (value === null) return '';
  if (typeof value !== 'string') return String(value);
  const safe = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
