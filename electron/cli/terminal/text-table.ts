import displayWidth from 'string-width';
import { fit } from './text-cells.ts';

const gap = '  ';

/** Rows in columns as wide as their widest cell, none wider than `most`; the last column runs free. */
export function drawTable(head: readonly string[], rows: readonly (readonly string[])[], most = 36): string {
  const clean = rows.map((row) => row.map((cell) => cell.replace(/[\p{C}\p{Zl}\p{Zp}]+/gu, ' ')));
  const widths = head.map((title, column) =>
    Math.min(most, Math.max(displayWidth(title), ...clean.map((row) => displayWidth(row[column] ?? '')))),
  );
  const line = (row: readonly string[]) =>
    row
      .map((cell, column) => (column === row.length - 1 ? cell : fit(cell, widths[column]!)))
      .join(gap)
      .trimEnd();
  return `${[head, ...clean].map(line).join('\n')}\n`;
}
