import SqliteDatabase from 'better-sqlite3';
import { randomUUID } from 'node:crypto';
import { closeSync, existsSync, fsyncSync, openSync } from 'node:fs';
import { chmod, copyFile, link, readdir, rename, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { FundusLensError } from '../../contract/errors.ts';
import type { LibraryPaths } from '../../contract/app/library.ts';
import { flushFolder } from '../content-files.ts';
import { guarded } from '../database/database.ts';
import type { Database } from '../database/database.ts';
import { damagedLibrary, explainDatabaseError } from '../database/database-errors.ts';
import { createFolders, libraryPaths } from './library-folder.ts';
import { newerSchema, schemaVersion } from '../database/migrate.ts';

export interface Backup {
  readonly file: string;
  readonly bytes: number;
  readonly madeAt: Date;
  /** `migration` and `replaced` ones are not rotated away. */
  readonly kind: 'backup' | 'migration' | 'replaced';
}

const day = 86_400_000;
const namePattern = /^(backup|migration|replaced)-(\d{8}T\d{6}\d{3}Z)\.sqlite$/;

/** What of the backups stays; the newest always does. Those before a migration or a restore are not counted. */
export interface BackupLimits {
  /** How many, the new one included. */
  readonly keep: number;
  readonly keepDays?: number;
  /** Bytes of all together. */
  readonly mostBytes?: number;
}

/**
 * Copies the database while it is in use, checks the copy, and only then gives it its name. Images and large arrays are
 * files that never change and stay where they are; a backup refers to them.
 *
 * @param limits which older ones are removed once the new one is safe
 */
export async function makeBackup(
  database: Database,
  paths: LibraryPaths,
  {
    kind = 'backup',
    limits = { keep: 10 },
    now = new Date(),
  }: { kind?: 'backup' | 'migration'; limits?: BackupLimits; now?: Date } = {},
): Promise<Backup> {
  const temporary = path.join(paths.temporary, `${randomUUID()}.sqlite`);
  const file = path.join(paths.backups, `${kind}-${stamp(now)}.sqlite`);
  try {
    await database.connection.backup(temporary);
    checkCopy(temporary);
    flushFile(temporary);
    await chmod(temporary, 0o600);
    await rename(temporary, file);
    flushFolder(paths.backups);
  } catch (error) {
    throw explainDatabaseError(error);
  } finally {
    await rm(temporary, { force: true });
  }
  if (kind === 'backup') {
    const all = (await listBackups(paths)).filter((backup) => backup.kind === 'backup');
    for (const { file: oldFile } of beyondLimits(all, limits, now)) await rm(oldFile, { force: true });
  }
  const { size } = await stat(file);
  return { file, bytes: size, madeAt: now, kind };
}

/** @param backups newest first */
function beyondLimits(
  backups: readonly Backup[],
  { keep, keepDays = Infinity, mostBytes = Infinity }: BackupLimits,
  now: Date,
): Backup[] {
  let bytes = 0;
  const isBeyond = (backup: Backup, index: number) => {
    bytes += backup.bytes;
    const age = now.getTime() - backup.madeAt.getTime();
    return index > 0 && (index >= keep || age > keepDays * day || bytes > mostBytes);
  };
  return backups.filter(isBeyond);
}

/** Newest first. */
export async function listBackups(paths: LibraryPaths): Promise<Backup[]> {
  if (!existsSync(paths.backups)) return [];
  const backups: Backup[] = [];
  for (const name of await readdir(paths.backups)) {
    const [, kind, time] = namePattern.exec(name) ?? [];
    if (kind === undefined || time === undefined) continue;
    const file = path.join(paths.backups, name);
    const madeAt = new Date(
      time.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)(\d{3})Z$/, '$1-$2-$3T$4:$5:$6.$7Z'),
    );
    backups.push({ file, bytes: (await stat(file)).size, madeAt, kind: kind as Backup['kind'] });
  }
  return backups.sort((a, b) => b.madeAt.getTime() - a.madeAt.getTime());
}

/** A damaged library with the newest backup in its advice; any other error as it is. */
export async function offerBackup(paths: LibraryPaths, error: unknown): Promise<unknown> {
  if (!(error instanceof FundusLensError) || error.code !== 'library.damaged') return error;
  const newest = (await listBackups(paths).catch(() => [])).find(({ kind }) => kind !== 'replaced');
  const { summary, expected, found, cause } = error;
  const advice =
    newest === undefined
      ? 'There is no backup in the folder "backups". Look for a copy of the whole folder; change nothing in it before.'
      : `Restore the last backup, of ${newest.madeAt.toISOString().slice(0, 16).replace('T', ' ')} UTC: fundus-lens restore ${path.basename(newest.file)} --library "${paths.root}". The present file is kept aside.`;
  return new FundusLensError('library.damaged', summary, {
    ...(expected === undefined ? {} : { expected }),
    ...(found === undefined ? {} : { found }),
    advice,
    cause,
  });
}

/**
 * Puts a backup in the place of the library's database. The present one is kept aside as `replaced-…`, damaged or not.
 * The library must be closed everywhere.
 *
 * @returns where the replaced database lies; null when there was none
 * @throws library.damaged when the backup fails its check; library.newer-schema; library.locked
 */
export async function restoreBackup(
  folder: string,
  backupFile: string,
  now = new Date(),
): Promise<string | null> {
  const paths = libraryPaths(folder);
  createFolders(paths);
  const incoming = path.join(paths.temporary, `${randomUUID()}.sqlite`);
  try {
    await copyFile(backupFile, incoming);
    checkCopy(incoming);
    flushFile(incoming);
    const aside = existsSync(paths.database) ? await setAside(paths, now) : null;
    await rename(incoming, paths.database);
    flushFolder(paths.root);
    return aside;
  } catch (error) {
    throw explainDatabaseError(error);
  } finally {
    await rm(incoming, { force: true });
  }
}

/** Moves the write-ahead log into the file where that is possible, so that one file is the whole database. */
async function setAside(paths: LibraryPaths, now: Date): Promise<string> {
  const aside = path.join(paths.backups, `replaced-${stamp(now)}.sqlite`);
  const logs = ['-wal', '-shm'].map((suffix) => paths.database + suffix);
  if (!absorbLog(paths.database)) {
    // Too damaged for SQLite: the log goes aside under the same name, or it would be replayed over the new file.
    for (const log of logs) {
      if (existsSync(log)) await rename(log, aside + log.slice(paths.database.length));
    }
  }
  for (const log of logs) await rm(log, { force: true });
  await link(paths.database, aside).catch(() => copyFile(paths.database, aside));
  flushFolder(paths.backups);
  return aside;
}

/** @returns false when the file is too damaged to be opened */
function absorbLog(file: string): boolean {
  let connection: SqliteDatabase.Database | undefined;
  try {
    connection = new SqliteDatabase(file, { timeout: 1000 });
    return connection.pragma('journal_mode = DELETE', { simple: true }) === 'delete';
  } catch (error) {
    const explained = explainDatabaseError(error);
    if (explained instanceof FundusLensError && explained.code === 'library.locked') throw explained;
    return false;
  } finally {
    connection?.close();
  }
}

/** Opens a copy on its own and reads all of it. */
export function checkCopy(file: string): void {
  const connection = guarded(() => new SqliteDatabase(file));
  try {
    guarded(() => connection.pragma('journal_mode = DELETE'));
    const verdict = guarded(() => connection.pragma('integrity_check(1)', { simple: true }));
    if (verdict !== 'ok') throw damagedLibrary(`integrity_check: ${String(verdict)}`);
    const version = Number(connection.pragma('user_version', { simple: true }));
    if (version < 0) throw damagedLibrary(`schema ${version}`);
    if (version === 0) throw damagedLibrary('a database without a library in it');
    if (version > schemaVersion) throw newerSchema(version);
  } finally {
    connection.close();
  }
}

export function flushFile(file: string): void {
  const descriptor = openSync(file, 'r+');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

function stamp(date: Date): string {
  return date.toISOString().replace(/[-:.]/g, '');
}
