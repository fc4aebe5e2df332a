import SqliteDatabase from 'better-sqlite3';
import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { chmod, rm } from 'node:fs/promises';
import path from 'node:path';
import type { LibraryPaths } from '../../contract/app/library.ts';
import type { Database } from '../database/database.ts';
import { explainDatabaseError } from '../database/database-errors.ts';
import { neededByLenses } from '../traces/lenses.ts';
import { arrayFile } from '../traces/trace-arrays.ts';
import { neededByTrash } from '../trash/trash.ts';
import { checkCopy, flushFile } from './backups.ts';

export interface SnapshotFile {
  /** Relative to the library that it will be part of, with forward slashes. */
  readonly name: string;
  /** Where it lies now. */
  readonly file: string;
}

/** A library at one moment, complete in itself. */
export interface Snapshot {
  /** The database first. */
  readonly files: readonly SnapshotFile[];
  readonly photographs: number;
  /** Files that rows refer to and that are gone. */
  readonly missing: readonly string[];
  readonly discard: () => Promise<void>;
}

interface ImageFiles {
  readonly id: number;
  readonly originalPath: string;
  readonly managedPath: string | null;
  readonly renderingPath: string | null;
  readonly sha256: string;
}

/**
 * Copies the database and lists the files that belong to it. Photographs that are used where they lie become the copy's
 * own, so that it needs no other disk; small views are left out, because they are made again when they are looked at.
 */
export async function makeSnapshot(database: Database, paths: LibraryPaths): Promise<Snapshot> {
  const copy = path.join(paths.temporary, `${randomUUID()}.sqlite`);
  const discard = () => rm(copy, { force: true });
  try {
    await database.connection.backup(copy);
    checkCopy(copy);
    await chmod(copy, 0o600);
    const listed = adoptFiles(copy, paths);
    flushFile(copy);
    return { ...listed, files: [{ name: 'library.sqlite', file: copy }, ...listed.files], discard };
  } catch (error) {
    await discard();
    throw explainDatabaseError(error);
  }
}

function adoptFiles(copy: string, paths: LibraryPaths): Omit<Snapshot, 'discard'> {
  const connection = new SqliteDatabase(copy);
  try {
    const files = new Map<string, string>();
    const missing: string[] = [];
    const add = (name: string, file: string) => {
      if (!existsSync(file)) missing.push(file);
      else files.set(name, file);
      return files.has(name);
    };
    const images = connection
      .prepare('SELECT id, originalPath, managedPath, renderingPath, sha256 FROM images')
      .all() as ImageFiles[];
    const adopt = connection.prepare("UPDATE images SET storage = 'managed', managedPath = ? WHERE id = ?");
    const inside = (name: string) => path.join(paths.root, name);
    for (const { id, originalPath, managedPath, renderingPath, sha256 } of images) {
      if (renderingPath !== null) add(renderingPath, inside(renderingPath));
      if (managedPath !== null) {
        add(managedPath, inside(managedPath));
        continue;
      }
      const extension = /\.[a-z0-9]{1,8}$/i.exec(originalPath)?.[0].toLowerCase() ?? '';
      const name = `originals/${sha256.slice(0, 2)}/${sha256}${extension}`;
      if (add(name, originalPath)) adopt.run(name, id);
    }
    const rows = <T>(sql: string) => connection.prepare(sql).all() as T[];
    const trash = neededByTrash(rows);
    const arrays = rows<{ fileHash: string }>(
      'SELECT DISTINCT fileHash FROM trace_arrays WHERE fileHash IS NOT NULL',
    );
    const lenses = neededByLenses(rows).map(({ file }) => file);
    const alsoNeeded = [...arrays.map(({ fileHash }) => arrayFile(fileHash)), ...lenses, ...trash.files];
    for (const name of alsoNeeded.filter((each) => !each.startsWith('thumbnails/'))) add(name, inside(name));
    return {
      files: [...files].map(([name, file]) => ({ name, file })),
      photographs: images.length,
      missing,
    };
  } finally {
    connection.close();
  }
}
