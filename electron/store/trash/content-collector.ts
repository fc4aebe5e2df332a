import SqliteDatabase from 'better-sqlite3';
import { readdir, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import type { LibraryPaths } from '../../contract/app/library.ts';
import { neededByLenses } from '../traces/lenses.ts';
import { arrayFile } from '../traces/trace-arrays.ts';
import { neededByTrash } from './trash.ts';

export interface Collected {
  readonly files: number;
  readonly bytes: number;
}

/** Content that rows of a database need: files by their path in the library, and photographs by their hash. */
export interface NeededContent {
  readonly files: Set<string>;
  readonly hashes: Set<string>;
}

type Rows = <T>(sql: string) => T[];

export function neededContent(rows: Rows): NeededContent {
  const images = rows<{ sha256: string; managedPath: string | null; renderingPath: string | null }>(
    'SELECT sha256, managedPath, renderingPath FROM images',
  );
  const arrays = rows<{ fileHash: string }>(
    'SELECT DISTINCT fileHash FROM trace_arrays WHERE fileHash IS NOT NULL',
  );
  const trash = neededByTrash(rows);
  const files = images.flatMap(({ managedPath, renderingPath }) =>
    [managedPath, renderingPath].filter((file) => file !== null),
  );
  return {
    files: new Set([
      ...files,
      ...trash.files,
      ...arrays.map(({ fileHash }) => arrayFile(fileHash)),
      ...neededByLenses(rows).map(({ file }) => file),
    ]),
    hashes: new Set([...images.map(({ sha256 }) => sha256), ...trash.hashes]),
  };
}

/** Adds what backups need. @returns false when one of them cannot be read, so that nobody knows what it needs */
export function addNeedsOfBackups(
  needed: NeededContent,
  backups: readonly { readonly file: string }[],
): boolean {
  for (const { file } of backups) {
    let backup: SqliteDatabase.Database | undefined;
    try {
      backup = new SqliteDatabase(file, { readonly: true });
      const connection = backup;
      const { files, hashes } = neededContent(<T>(sql: string) => connection.prepare(sql).all() as T[]);
      for (const name of files) needed.files.add(name);
      for (const hash of hashes) needed.hashes.add(hash);
    } catch {
      return false;
    } finally {
      backup?.close();
    }
  }
  return true;
}

/** Removes content that nobody needs and that was written before a moment. */
export async function collectContent(
  paths: LibraryPaths,
  { files, hashes }: NeededContent,
  writtenBefore: number,
): Promise<Collected> {
  const collected = { files: 0, bytes: 0 };
  for (const folder of [paths.originals, paths.renderings, paths.thumbnails, paths.arrays]) {
    const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
    for (const entry of entries) {
      if (!entry.isFile()) continue;
      const file = path.join(entry.parentPath, entry.name);
      const relative = path.relative(paths.root, file).replaceAll(path.sep, '/');
      // Views are not listed anywhere: they belong to the photograph whose hash they begin with.
      const isNeeded =
        folder === paths.thumbnails ? hashes.has(entry.name.slice(0, 64)) : files.has(relative);
      if (isNeeded) continue;
      const stats = await stat(file).catch(() => null);
      if (stats === null || stats.mtimeMs >= writtenBefore) continue;
      await rm(file, { force: true });
      collected.files += 1;
      collected.bytes += stats.size;
    }
  }
  return collected;
}
