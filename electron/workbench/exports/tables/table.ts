export type CellValue = string | number | boolean | null;
export type ColumnType = 'text' | 'whole' | 'real' | 'flag';

export interface Column {
  /** `snake_case`, because data frames use it as it is. */
  readonly name: string;
  readonly type: ColumnType;
}

/** A table that is read row by row; every cell may be null. */
export interface Table {
  readonly columns: readonly Column[];
  readonly rows: Iterable<readonly CellValue[]>;
}

/** `name:type` for each column. */
export function columnsOf(...specifications: readonly `${string}:${ColumnType}`[]): Column[] {
  return specifications.map((specification) => {
    const [name, type] = specification.split(':') as [string, ColumnType];
    return { name, type };
  });
}
