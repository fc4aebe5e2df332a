import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import type { LibraryPaths } from '../../contract/app/library.ts';
import type { AuditLog, AuditVerdict } from '../audit-log.ts';
import type { Database } from '../database/database.ts';
import { hashFile, neededByLenses } from '../traces/lenses.ts';
import { arrayFile } from '../traces/trace-arrays.ts';
import { neededByTrash } from '../trash/trash.ts';

export interface LibraryVerdict {
  /** What integrity_check and foreign_key_check said; empty when all is well. */
  readonly database: readonly string[];
  readonly audit: AuditVerdict;
  /** Files that rows refer to, relative to the library folder or absolute for images kept in place. */
  readonly missingFiles: readonly string[];
  readonly changedFiles: readonly string[];
  /** Files that no row refers to, such as those of removed images. */
  readonly leftOverFiles: readonly string[];
  readonly filesChecked: number;
}

interface ExpectedFile {
  readonly file: string;
  /** null where the name alone is checked. */
  readonly sha256: string | null;
}

/** Reads everything and changes nothing. */
export async function verifyLibrary(
  db: Database,
  paths: LibraryPaths,
  audit: AuditLog,
  signal?: AbortSignal,
): Promise<LibraryVerdict> {
  const integrity = db.rows<{ integrity_check: string }>('PRAGMA integrity_check(20)');
  const orphans = db.rows<{ table: string; rowid: number }>('PRAGMA foreign_key_check');
  const trash = neededByTrash((sql) => db.rows(sql));
  const missingFiles: string[] = [];
  const changedFiles: string[] = [];
  const expected = expectedFiles(db);
  for (const { file, sha256 } of expected) {
    signal?.throwIfAborted();
    const absolute = path.resolve(paths.root, file);
    if (!existsSync(absolute)) missingFiles.push(file);
    else if (sha256 !== null && (await hashFile(absolute)) !== sha256) changedFiles.push(file);
  }
  return {
    database: [
      ...integrity.map((row) => row.integrity_check).filter((line) => line !== 'ok'),
      ...orphans.map((row) => `${row.table} ${row.rowid} refers to a row that is not there`),
    ],
    audit: audit.verify(),
    missingFiles,
    changedFiles,
    leftOverFiles: await findLeftOvers(paths, new Set([...expected.map(({ file }) => file), ...trash.files])),
    filesChecked: expected.length,
  };
}

function expectedFiles(db: Database): ExpectedFile[] {
  const images = db.rows<{
    originalPath: string;
    managedPath: string | null;
    renderingPath: string | null;
    sha256: string;
  }>('SELECT originalPath, managedPath, renderingPath, sha256 FROM images');
  const arrays = db.rows<{ fileHash: string }>(
    'SELECT DISTINCT fileHash FROM trace_arrays WHERE fileHash IS NOT NULL',
  );
  return [
    ...images.map(({ originalPath, managedPath, sha256 }) => ({ file: managedPath ?? originalPath, sha256 })),
    ...images.flatMap(({ renderingPath }) =>
      renderingPath === null ? [] : [{ file: renderingPath, sha256: null }],
    ),
    ...arrays.map(({ fileHash }) => ({ file: arrayFile(fileHash), sha256: null })),
    ...neededByLenses((sql) => db.rows(sql)),
  ];
}

async function findLeftOvers(paths: LibraryPaths, expected: ReadonlySet<string>): Promise<string[]> {
  const leftOver: string[] = [];
  for (const folder of [paths.originals, paths.renderings, paths.arrays]) {
    if (!existsSync(folder)) continue;
    for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
      if (!entry.isFile()) continue;
      const file = path
        .relative(paths.root, path.join(entry.parentPath, entry.name))
        .replaceAll(path.sep, '/');
      if (!expected.has(file)) leftOver.push(file);
    }
  }
  return leftOver.sort();
}
