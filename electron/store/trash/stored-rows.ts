import type { Database } from '../database/database.ts';

type Row = Record<string, unknown>;

/** Rows of one table, as they were. */
export interface TableRows {
  readonly table: string;
  readonly rows: readonly Row[];
}

/** A row, and all that goes with it when it is deleted. */
export interface Owned {
  readonly table: string;
  /** Column that names the owner. */
  readonly column: string;
  /** Whether its rows have numbers of their own that others know; without it they get new ones. */
  readonly keepsId?: boolean;
  readonly owned?: readonly Owned[];
}

/** Reads a row and everything below it, the owner first. */
export function readRows(
  db: Database,
  { table, column, owned = [] }: Owned,
  ids: readonly unknown[],
): TableRows[] {
  const rows = db.rows<Row>(`SELECT * FROM ${table} WHERE ${column} IN (SELECT value FROM json_each(?))`, [
    JSON.stringify(ids),
  ]);
  if (rows.length === 0) return [];
  return [
    { table, rows },
    ...owned.flatMap((below) =>
      readRows(
        db,
        below,
        rows.map(({ id }) => id),
      ),
    ),
  ];
}

/** Puts rows back, owners first; rows whose owner is gone meanwhile, such as a tag or a group, are left out. */
export function writeRows(db: Database, tables: readonly TableRows[], keepsId: ReadonlySet<string>): void {
  for (const { table, rows } of tables) {
    const columns = new Set(
      db
        .rows<{ name: string; hidden: number }>(`SELECT name, hidden FROM pragma_table_xinfo('${table}')`)
        .filter(({ hidden }) => hidden === 0)
        .map(({ name }) => name),
    );
    const owners = db.rows<{ from: string; table: string; to: string | null }>(
      `SELECT "from", "table", "to" FROM pragma_foreign_key_list('${table}')`,
    );
    for (const row of rows) {
      if (!owners.every((owner) => exists(db, owner, row[owner.from]))) continue;
      const names = Object.keys(row).filter(
        (name) => columns.has(name) && (name !== 'id' || keepsId.has(table)),
      );
      db.execute(
        `INSERT INTO ${table} (${names.join(', ')}) VALUES (${names.map(() => '?').join(', ')})`,
        names.map((name) => row[name]),
      );
    }
  }
}

function exists(
  db: Database,
  owner: { readonly table: string; readonly to: string | null },
  value: unknown,
): boolean {
  if (value === null || value === undefined) return true;
  return db.rows(`SELECT 1 FROM ${owner.table} WHERE ${owner.to ?? 'id'} = ? LIMIT 1`, [value]).length > 0;
}

/** JSON with binary columns as base64. */
export function encodeRows(content: unknown): string {
  return JSON.stringify(content, (_, value: unknown) =>
    isBufferJson(value) ? { base64: Buffer.from(value.data).toString('base64') } : value,
  );
}

export function decodeRows(text: string): unknown {
  return JSON.parse(text, (_, value: unknown) => {
    if (typeof value !== 'object' || value === null || !('base64' in value)) return value;
    return Buffer.from(String(value.base64), 'base64');
  }) as unknown;
}

/** What a Buffer makes of itself in JSON. */
function isBufferJson(value: unknown): value is { readonly data: number[] } {
  return (
    typeof value === 'object' &&
    value !== null &&
    'type' in value &&
    value.type === 'Buffer' &&
    'data' in value
  );
}
