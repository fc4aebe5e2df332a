import { FundusLensError } from '../../contract/errors.ts';
import { parseCsv } from '../csv.ts';
import type { DatasetFile, DatasetProblem } from './dataset-record.ts';

/** One row of a table: cells by column name, trimmed; names are folded, so that "Risk of macular edema " is found. */
export interface TableRow {
  /** Line in the file, 1 being the header. */
  readonly line: number;
  readonly path: string;
  get: (column: string) => string;
}

export interface Table {
  readonly path: string;
  readonly columns: ReadonlySet<string>;
  readonly rows: readonly TableRow[];
  readonly problems: readonly DatasetProblem[];
}

/** A column's name without case, and without spaces at its ends or doubled inside. */
export function foldName(name: string): string {
  return name.normalize('NFC').trim().replaceAll(/\s+/g, ' ').toLowerCase();
}

/** Reads a table with a header: comma, semicolon or tab, quoted cells, byte-order mark or none. */
export function readTable(file: DatasetFile): Table {
  const csv = parseCsv(file.text ?? '');
  const columns = (csv.rows[0] ?? []).map(foldName);
  const rows = csv.rows.slice(1).map((cells, at) => ({
    line: at + 2,
    path: file.path,
    isEmpty: cells.every((cell) => cell.trim() === ''),
    get: (column: string) => (cells[columns.indexOf(foldName(column))] ?? '').trim(),
  }));
  const problems = csv.problems.map(({ row, message }) => ({
    path: file.path,
    line: row === null ? null : row + 1,
    expected: 'a row of the table',
    found: message,
  }));
  return {
    path: file.path,
    columns: new Set(columns),
    rows: rows.filter(({ isEmpty }) => !isEmpty),
    problems,
  };
}

/** The files of a data set, found by name. */
export class FileIndex {
  private readonly byStem: ReadonlyMap<string, readonly string[]>;
  readonly files: readonly DatasetFile[];
  private tablesRead: readonly Table[] | null = null;

  constructor(files: readonly DatasetFile[]) {
    this.files = files;
    const pictures = files.map(({ path }) => path).filter((path) => /\.(?:jpe?g|png|tiff?|bmp)$/i.test(path));
    this.byStem = Map.groupBy(pictures, (path) => stemOf(path).toLowerCase());
  }

  /** All tables; each is read once. */
  tables(): readonly Table[] {
    this.tablesRead ??= this.files
      .filter(({ path, text }) => text !== null && /\.(?:csv|tsv)$/i.test(path))
      .map(readTable);
    return this.tablesRead;
  }

  /** Tables that have all these columns. */
  tablesWith(...columns: readonly string[]): Table[] {
    return this.tables().filter((table) => columns.every((column) => table.columns.has(foldName(column))));
  }

  /**
   * The picture with this name, extension or not.
   *
   * @param fits which of several pictures of that name is meant, such as those of the training set
   * @throws FundusLensError `import.file` when there is none, or more than one
   */
  picture(name: string, fits: (path: string) => boolean = () => true): string {
    const stem = stemOf(name).toLowerCase();
    const found = (this.byStem.get(stem) ?? []).filter(fits);
    const [only] = found;
    if (only !== undefined && found.length === 1) return only;
    throw new FundusLensError('import.file', `The picture "${name}" of the table cannot be told.`, {
      expected: `one picture named ${name}`,
      found: found.length === 0 ? 'none' : found.join(', '),
    });
  }

  /** Pictures below a folder whose name matches. */
  picturesIn(folder: RegExp): string[] {
    return [...this.byStem.values()]
      .flat()
      .filter((path) => folder.test(path.slice(0, path.lastIndexOf('/') + 1)));
  }
}

/** File name without folders and extension. */
export function stemOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1).replace(/\.[A-Za-z]{3,4}$/, '');
}

/**
 * @throws FundusLensError `import.file` when the cell is not one of the codes
 */
export function readCode<T extends string>(row: TableRow, column: string, codes: readonly T[]): T {
  const text = row.get(column).replace(/\.0+$/, '');
  const code = codes.find((each) => each === text);
  if (code !== undefined) return code;
  throw new FundusLensError('import.file', 'A cell has a value that the data set does not know.', {
    expected: `"${column}" to be ${codes.join(', ')}`,
    found: text === '' ? 'an empty cell' : text,
  });
}

/** A flag of 0 or 1; null for an empty cell. */
export function readFlag(row: TableRow, column: string): boolean | null {
  return row.get(column) === '' ? null : readCode(row, column, ['0', '1']) === '1';
}

/** Age in whole years; null when it is missing or is no age. */
export function readAge(row: TableRow, column: string): number | null {
  const text = row.get(column);
  const age = Number(text);
  return text !== '' && age >= 0 && age <= 120 ? Math.floor(age) : null;
}
