import { zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { z } from 'zod';
import { FundusLensError } from '../../contract/errors.ts';
import { trashDays } from '../../contract/app/trash.ts';
import type { TrashItem, TrashKind } from '../../contract/app/trash.ts';
import type { AuditLog } from '../audit-log.ts';
import { damagedLibrary } from '../database/database-errors.ts';
import { found, query } from '../database/database.ts';
import type { Database } from '../database/database.ts';
import { arrayFile } from '../traces/trace-arrays.ts';
import type { Traces } from '../traces/traces.ts';
import { decodeRows, encodeRows, readRows, writeRows } from './stored-rows.ts';
import type { Owned, TableRows } from './stored-rows.ts';

interface Content {
  readonly tables: readonly TableRows[];
  /** Whom a photograph belonged to, in case the patient goes before it comes back. */
  readonly owners?: readonly TableRows[];
  /** Settings that belong to what was removed. */
  readonly settings?: Readonly<Record<string, string>>;
}

const day = 86_400_000;
const textList = z.array(z.string());

const trace: Owned = {
  table: 'traces',
  column: 'imageId',
  keepsId: true,
  owned: [
    { table: 'trace_arrays', column: 'traceId' },
    { table: 'trace_concepts', column: 'traceId' },
  ],
};
/** What goes with a photograph. Tasks do not come back: what they have made does. */
const image: Owned = {
  table: 'images',
  column: 'id',
  keepsId: true,
  owned: [
    { table: 'image_tags', column: 'imageId' },
    { table: 'findings', column: 'imageId' },
    { table: 'group_images', column: 'imageId' },
    { table: 'protocols', column: 'imageId', keepsId: true },
    { table: 'drawings', column: 'imageId', keepsId: true },
    { table: 'taps', column: 'imageId', keepsId: true, owned: [{ table: 'tap_features', column: 'tapId' }] },
    { table: 'answer_margins', column: 'imageId' },
    trace,
  ],
};
const group: Owned = {
  table: 'groups',
  column: 'id',
  keepsId: true,
  owned: [{ table: 'group_images', column: 'groupId' }],
};
const keepsId = new Set([
  'images',
  'protocols',
  'drawings',
  'taps',
  'traces',
  'groups',
  'patients',
  'visits',
]);

/** What was removed, whole, until it comes back or is too old. Call `keep…` in the transaction that removes. */
export class Trash {
  readonly #db: Database;
  readonly #audit: AuditLog;
  readonly #traces: Traces;
  readonly #now: () => Date;

  constructor(db: Database, audit: AuditLog, traces: Traces, now: () => Date) {
    this.#db = db;
    this.#audit = audit;
    this.#traces = traces;
    this.#now = now;
  }

  list(): TrashItem[] {
    const rows = this.#db.all(
      query
        .selectFrom('trash')
        .select(['id', 'kind', 'label', 'itemId', 'bytes', 'removedAt'])
        .orderBy('removedAt', 'desc')
        .orderBy('id', 'desc'),
    );
    return rows.map((row) => ({
      ...row,
      goesAt: new Date(Date.parse(row.removedAt) + trashDays * day).toISOString(),
    }));
  }

  /** @returns the number under which it lies in the trash */
  keepImage(id: number): number {
    const tables = this.#read(image, [id]);
    const [row] = rowsOf(tables, 'images');
    const owners = [
      ...readRows(this.#db, { table: 'patients', column: 'id' }, [row?.['patientId']]),
      ...readRows(this.#db, { table: 'visits', column: 'id' }, [row?.['visitId']]),
    ];
    const settings = this.#notes(rowsOf(tables, 'traces').map((one) => Number(one['id'])));
    return this.#insert('image', String(row?.['fileName']), id, { tables, owners, settings });
  }

  keepTrace(id: number): number {
    const tables = this.#read({ ...trace, column: 'id' }, [id]);
    const { fileName, promptText } = this.#traces.summary(id);
    return this.#insert('trace', fileName ?? promptText, id, { tables, settings: this.#notes([id]) });
  }

  keepGroup(id: number): number {
    const tables = this.#read(group, [id]);
    return this.#insert('group', String(rowsOf(tables, 'groups')[0]?.['name']), id, { tables });
  }

  keepProtocols(imageId: number, observer: string): number | null {
    const rows = this.#db.rows<Record<string, unknown>>(
      'SELECT * FROM protocols WHERE imageId = ? AND observer = ?',
      [imageId, observer],
    );
    if (rows.length === 0) return null;
    return this.#insert('protocol', observer, imageId, { tables: [{ table: 'protocols', rows }] });
  }

  /** An own concept set is a row of the settings; its editions stay with the traces that used them. */
  keepSetting(kind: TrashKind, label: string, settings: Readonly<Record<string, string>>): number {
    return this.#insert(kind, label, null, { tables: [], settings });
  }

  /**
   * Puts one thing back under its own number.
   *
   * @returns what it is, and the settings that belong to it
   * @throws input.invalid when its place was taken meanwhile, or what it belonged to is gone
   */
  restore(id: number): {
    readonly kind: TrashKind;
    readonly itemId: number | null;
    readonly settings: Readonly<Record<string, string>>;
  } {
    return this.#db.transaction(() => {
      const row = found(
        this.#db.get(query.selectFrom('trash').selectAll().where('id', '=', id)),
        'such thing in the trash',
      );
      const content = unpack(row.content);
      this.#refuseTaken(content);
      this.#restoreOwners(content);
      writeRows(
        this.#db,
        content.tables.map((table) => this.#placed(table)),
        keepsId,
      );
      const [main] = content.tables;
      if (main !== undefined) this.#requireRow(main);
      this.#relinkImports(content);
      this.#db.run(query.deleteFrom('trash').where('id', '=', id));
      this.#audit.append('trash.restore', `${row.kind} ${row.itemId ?? ''}`.trim());
      return { kind: row.kind, itemId: row.itemId, settings: content.settings ?? {} };
    });
  }

  /** Lets things go for good. @returns how many */
  remove(ids: readonly number[]): number {
    return this.#db.transaction(() => {
      const { changes } = this.#db.execute('DELETE FROM trash WHERE id IN (SELECT value FROM json_each(?))', [
        JSON.stringify(ids),
      ]);
      if (changes > 0) this.#audit.append('trash.remove', 'library', { things: changes });
      return changes;
    });
  }

  /** Lets go what was removed too long ago. @returns how many */
  removeOld(): number {
    const before = new Date(this.#now().getTime() - trashDays * day).toISOString();
    return this.remove(this.list().flatMap(({ id, removedAt }) => (removedAt < before ? [id] : [])));
  }

  #read(owned: Owned, ids: readonly number[]): TableRows[] {
    return readRows(this.#db, owned, ids).map(({ table, rows }) => ({
      table,
      rows: table === 'traces' ? rows.map((row) => this.#withDocument(row)) : rows,
    }));
  }

  /** The dictionary of a document goes when no trace needs it; in the trash a document stands by itself. */
  #withDocument(row: Record<string, unknown>): Record<string, unknown> {
    const document = this.#traces.document(Number(row['id']));
    return { ...row, document, documentBytes: null, dictionaryId: null };
  }

  #notes(traceIds: readonly number[]): Record<string, string> {
    const rows = this.#db.rows<{ key: string; value: string }>(
      'SELECT key, value FROM settings WHERE key IN (SELECT value FROM json_each(?))',
      [JSON.stringify(traceIds.map((id) => `traces.note.${id}`))],
    );
    return Object.fromEntries(rows.map(({ key, value }) => [key, value]));
  }

  #insert(kind: TrashKind, label: string, itemId: number | null, content: Content): number {
    const images = rowsOf(content.tables, 'images');
    const arrays = rowsOf(content.tables, 'trace_arrays');
    const files = [
      ...images.flatMap((row) => [row['managedPath'], row['renderingPath']]),
      ...arrays.map(({ fileHash }) => (typeof fileHash === 'string' ? arrayFile(fileHash) : null)),
    ].filter((file) => typeof file === 'string');
    const packed = zstdCompressSync(encodeRows(content));
    const { lastInsertRowid } = this.#db.run(
      query.insertInto('trash').values({
        ...{ kind, label, itemId, content: packed, bytes: packed.length },
        files: JSON.stringify(files),
        hashes: JSON.stringify(images.map(({ sha256 }) => sha256)),
        removedAt: this.#now().toISOString(),
      }),
    );
    return Number(lastInsertRowid);
  }

  #refuseTaken({ tables }: Content): void {
    const taken = rowsOf(tables, 'images').some(
      ({ sha256 }) =>
        this.#db.get(query.selectFrom('images').select('id').where('sha256', '=', String(sha256))) !==
        undefined,
    );
    if (taken) {
      throw new FundusLensError('input.invalid', 'The photograph is in the library again.', {
        advice: 'remove the newer one first, or leave the removed one in the trash',
      });
    }
  }

  /** A patient or visit that went meanwhile comes back too, unless the code belongs to somebody else now. */
  #restoreOwners({ owners = [] }: Content): void {
    for (const { table, rows } of owners) {
      for (const row of rows) {
        const there = this.#db.rows(`SELECT 1 FROM ${table} WHERE id = ?`, [row['id']]).length > 0;
        const taken =
          table === 'patients'
            ? this.#db.rows('SELECT 1 FROM patients WHERE code = ?', [row['code']]).length > 0
            : this.#db.rows('SELECT 1 FROM visits WHERE patientId = ? AND key = ?', [
                row['patientId'],
                row['key'],
              ]).length > 0;
        if (!there && !taken) writeRows(this.#db, [{ table, rows: [row] }], keepsId);
      }
    }
  }

  /** Traces count themselves when they come back; a group's name may be another's now; a merged patient may be gone. */
  #placed({ table, rows }: TableRows): TableRows {
    if (table === 'images') {
      const here = (owner: string, id: unknown) =>
        this.#db.rows(`SELECT 1 FROM ${owner} WHERE id = ?`, [id]).length > 0;
      return {
        table,
        rows: rows.map((row) => ({
          ...row,
          traceCount: 0,
          patientId: here('patients', row['patientId']) ? row['patientId'] : null,
          visitId: here('visits', row['visitId']) ? row['visitId'] : null,
        })),
      };
    }
    if (table === 'groups')
      return { table, rows: rows.map((row) => ({ ...row, name: this.#freeName(row) })) };
    return { table, rows };
  }

  #freeName(row: Record<string, unknown>): string {
    const isTaken = (name: string) => this.#db.rows('SELECT 1 FROM groups WHERE name = ?', [name]).length > 0;
    let name = String(row['name']);
    for (let number = 2; isTaken(name); number++) name = `${String(row['name'])} (${number})`;
    return name;
  }

  /** A trace whose photograph is gone has nowhere to come back to. */
  #requireRow({ table, rows }: TableRows): void {
    const back = this.#db.rows(`SELECT 1 FROM ${table} WHERE id = ?`, [rows[0]?.['id']]);
    if (back.length > 0) return;
    throw new FundusLensError('input.invalid', 'What it belongs to is not in the library.', {
      advice: 'put the photograph back first',
    });
  }

  /** The report of the import shows its photographs again. */
  #relinkImports({ tables }: Content): void {
    for (const { id, sha256 } of rowsOf(tables, 'images')) {
      this.#db.execute(
        "UPDATE import_entries SET imageId = ? WHERE sha256 = ? AND imageId IS NULL AND status = 'added'",
        [id, sha256],
      );
    }
  }
}

function rowsOf(tables: readonly TableRows[], name: string): readonly Record<string, unknown>[] {
  return tables.filter(({ table }) => table === name).flatMap(({ rows }) => rows);
}

function unpack(content: Buffer): Content {
  try {
    return decodeRows(zstdDecompressSync(content).toString('utf8')) as Content;
  } catch (error) {
    throw damagedLibrary('something in the trash cannot be decompressed', error);
  }
}

/** Files and hashes of photographs that the trash needs; nothing in a database from before there was one. */
export function neededByTrash(rows: <T>(sql: string) => T[]): { files: string[]; hashes: string[] } {
  if (rows("SELECT 1 FROM sqlite_master WHERE name = 'trash'").length === 0) return { files: [], hashes: [] };
  const kept = rows<{ files: string; hashes: string }>('SELECT files, hashes FROM trash');
  return {
    files: kept.flatMap(({ files }) => textList.parse(JSON.parse(files))),
    hashes: kept.flatMap(({ hashes }) => textList.parse(JSON.parse(hashes))),
  };
}
