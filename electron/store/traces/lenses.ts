import { createHash, randomUUID } from 'node:crypto';
import { createReadStream, existsSync, mkdirSync, renameSync, statSync } from 'node:fs';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { Selectable } from 'kysely';
import type { LibraryPaths } from '../../contract/app/library.ts';
import type { FittedLens } from '../../engine/lens-trace/lenses/fitted-lens.ts';
import type { AuditLog } from '../audit-log.ts';
import { flushFolder, type ContentFiles } from '../content-files.ts';
import { found, query } from '../database/database.ts';
import type { Database } from '../database/database.ts';
import { damagedLibrary, explainDatabaseError } from '../database/database-errors.ts';
import type { LensesTable } from '../database/tables.ts';

export interface StoredLens extends Omit<Selectable<LensesTable>, 'description'> {
  readonly description: FittedLens;
}

/** Fitted lenses: named by people, their files by their content. */
export class Lenses {
  readonly #db: Database;
  readonly #audit: AuditLog;
  readonly #files: ContentFiles;
  readonly #paths: LibraryPaths;
  readonly #now: () => Date;

  constructor(db: Database, audit: AuditLog, files: ContentFiles, paths: LibraryPaths, now: () => Date) {
    this.#db = db;
    this.#audit = audit;
    this.#files = files;
    this.#paths = paths;
    this.#now = now;
  }

  /** Newest first. */
  list(): StoredLens[] {
    return this.#db.all(query.selectFrom('lenses').selectAll().orderBy('id', 'desc')).map(parse);
  }

  /** @throws input.invalid when there is no such lens */
  get(id: number): StoredLens {
    const row = this.#db.get(query.selectFrom('lenses').selectAll().where('id', '=', id));
    return parse(found(row, 'such lens', id));
  }

  findBySha256(sha256: string): StoredLens | undefined {
    const row = this.#db.get(query.selectFrom('lenses').selectAll().where('sha256', '=', sha256));
    return row === undefined ? undefined : parse(row);
  }

  /** A lens that was made of a file of the public format, for the model with this hash. */
  findByOrigin(sha256: string, modelSha256: string | undefined): StoredLens | undefined {
    return this.list().find(
      ({ description, ...stored }) =>
        description.kind === 'jacobian' &&
        description.origin?.sha256 === sha256 &&
        stored.modelSha256 === modelSha256,
    );
  }

  findByName(name: string): StoredLens | undefined {
    const row = this.#db.get(query.selectFrom('lenses').selectAll().where('name', '=', name));
    return row === undefined ? undefined : parse(row);
  }

  /** Absolute path. @throws library.damaged when it is not there */
  file({ sha256 }: Pick<StoredLens, 'sha256'>): string {
    const file = this.#files.resolve(lensFile(sha256));
    if (!existsSync(file)) throw damagedLibrary(`${lensFile(sha256)} is missing`);
    return file;
  }

  /** A place for a file that is to be a lens: what is left there is taken away by the next start. */
  newFile(): string {
    return path.join(this.#paths.temporary, `${randomUUID()}.safetensors`);
  }

  /**
   * Keeps a lens; the same file again is the same lens.
   *
   * @param file of {@link newFile}; it is moved
   * @param sha256 of the file
   */
  add(
    { name, source, description }: Pick<StoredLens, 'name' | 'source' | 'description'>,
    file: string,
    sha256: string,
  ): StoredLens {
    return this.#db.transaction(() => {
      const known = this.findBySha256(sha256);
      if (known !== undefined) return known;
      const bytes = this.#takeIn(file, sha256);
      const row = { name, source, modelSha256: description.model.sha256, sha256, bytes };
      const { lastInsertRowid } = this.#db.run(
        query.insertInto('lenses').values({
          ...{ ...row, description: JSON.stringify(description) },
          createdAt: this.#now().toISOString(),
        }),
      );
      this.#audit.append('lens.add', `lens ${Number(lastInsertRowid)}`, { source, sha256 });
      return this.get(Number(lastInsertRowid));
    });
  }

  rename(id: number, name: string): StoredLens {
    this.#db.run(query.updateTable('lenses').set({ name }).where('id', '=', id));
    return this.get(id);
  }

  /** Its file goes with what nobody needs any more. */
  remove(id: number): void {
    this.get(id);
    this.#db.run(query.deleteFrom('lenses').where('id', '=', id));
    this.#audit.append('lens.remove', `lens ${id}`, {});
  }

  /** A file is there before its row, so a row never points at nothing. @returns its bytes */
  #takeIn(file: string, sha256: string): number {
    const target = this.#files.resolve(lensFile(sha256));
    try {
      mkdirSync(path.dirname(target), { recursive: true, mode: 0o700 });
      renameSync(file, target);
      flushFolder(path.dirname(target));
      return statSync(target).size;
    } catch (error) {
      throw explainDatabaseError(error);
    }
  }
}

/** @returns path relative to the library folder */
export function lensFile(sha256: string): string {
  return `arrays/${sha256.slice(0, 2)}/${sha256}.safetensors`;
}

/** Files of lenses by rows of a database, which may be a backup from before there were any. */
export function neededByLenses(
  rows: <T>(sql: string) => T[],
): { readonly file: string; readonly sha256: string }[] {
  if (rows("SELECT name FROM sqlite_master WHERE type = 'table' AND name = 'lenses'").length === 0) return [];
  return rows<{ sha256: string }>('SELECT sha256 FROM lenses').map(({ sha256 }) => ({
    file: lensFile(sha256),
    sha256,
  }));
}

export async function hashFile(file: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file), hash);
  return hash.digest('hex');
}

function parse(row: Selectable<LensesTable>): StoredLens {
  return { ...row, description: JSON.parse(row.description) as FittedLens };
}
