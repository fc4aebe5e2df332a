import Papa from 'papaparse';

/** What a table in text form has, row by row; an empty line is a row of one empty cell. */
export interface CsvText {
  readonly rows: readonly (readonly string[])[];
  /** Quotation marks that are never closed, or that something follows; `row` counts as `rows` does. */
  readonly problems: readonly { readonly row: number | null; readonly message: string }[];
}

type Cell = string | number | boolean | null;

const separators = [',', ';', '\t'] as const;

/**
 * Reads a table as Excel and others export it: comma, semicolon or tab between cells, quoted cells with doubled
 * quotation marks, any line end, a byte-order mark or not. The separator is the one that gives the first line the
 * most cells.
 */
export function parseCsv(text: string): CsvText {
  const body = withOneLineEnd(text.replace(/^\uFEFF/, ''));
  const { data, errors } = Papa.parse<string[]>(body, { delimiter: findSeparator(body) });
  const last = data.at(-1);
  if (last?.length === 1 && last[0] === '') data.pop();
  return {
    rows: data,
    problems: errors
      .filter(({ type }) => type === 'Quotes')
      .map(({ row = null, message }) => ({ row, message })),
  };
}

/**
 * Rows as text by RFC 4180, lines ending in CR LF, what {@link parseCsv} reads back. A text that a spreadsheet would
 * run as a formula gets an apostrophe in front.
 */
export function formatCsv(rows: readonly (readonly Cell[])[]): string {
  if (rows.length === 0) return '';
  return `${Papa.unparse(rows as Cell[][], { newline: '\r\n', escapeFormulae: /^[=+\-@\t\r]/ })}\r\n`;
}

function findSeparator(text: string): string {
  const cells = separators.map(
    (delimiter) => Papa.parse<string[]>(text, { delimiter, preview: 1 }).data[0]?.length ?? 0,
  );
  return separators[cells.indexOf(Math.max(...cells))]!;
}

/** Papa reads one kind of line end in a file. Where two are mixed, all become line feeds. */
function withOneLineEnd(text: string): string {
  const kinds = new Set(text.replaceAll(/"[^"]*"/g, '').match(/\r\n|\r|\n/g));
  return kinds.size > 1 ? text.replaceAll(/\r\n?/g, '\n') : text;
}
