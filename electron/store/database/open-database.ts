import SqliteDatabase from 'better-sqlite3';
import { accessSync, constants, existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { FundusLensError } from '../../contract/errors.ts';
import type { LibraryPaths } from '../../contract/app/library.ts';
import { Database, guarded } from './database.ts';
import { damagedLibrary, explainDatabaseError } from './database-errors.ts';
import { applicationId } from './examine-file.ts';
import { newerSchema, schemaVersion } from './migrate.ts';

/** Above this size the check at opening leaves the arrays of traces to `verifyLibrary`. */
const fullCheckBytes = 64 * 1024 * 1024;
const maxInMemoryBytes = 1024 * 1024 * 1024;
const coreTables = ['patients', 'visits', 'settings', 'groups', 'models', 'prompts', 'jobs'];

/**
 * Opens the database for writing, or for reading where it cannot or must not be written, and checks it.
 *
 * @param busyTimeout milliseconds to wait for another process
 * @throws library.locked, library.damaged, library.unavailable, library.disk-full
 */
export function openDatabase(paths: LibraryPaths, busyTimeout: number): Database {
  const unwritable = findWhyUnwritable(paths);
  if (unwritable !== null) return openForReading(paths.database, busyTimeout, unwritable);
  // Made by us, because SQLite would let others read it; its log takes the rights of the file.
  if (!existsSync(paths.database)) guarded(() => writeFileSync(paths.database, '', { mode: 0o600 }));
  const connection = guarded(() => new SqliteDatabase(paths.database, { timeout: busyTimeout }));
  try {
    const version = guarded(() => checkIdentity(connection));
    if (version > schemaVersion) {
      connection.close();
      return openForReading(paths.database, busyTimeout, newerSchema(version));
    }
    guarded(() => {
      connection.pragma('journal_mode = WAL');
      connection.pragma('synchronous = FULL');
      connection.pragma('foreign_keys = ON');
      // What is deleted is overwritten, or names would stay readable in free pages.
      connection.pragma('secure_delete = ON');
      connection.pragma('cache_size = -32000');
      connection.pragma('journal_size_limit = 67108864');
      connection.pragma(`application_id = ${applicationId}`);
      checkContent(connection, paths.database);
    });
    return new Database(connection);
  } catch (error) {
    connection.close();
    const explained = explainDatabaseError(error);
    // Permissions alone do not tell: a file system may be mounted for reading.
    // On a full disk what was stored can still be looked at.
    const canBeRead =
      explained instanceof FundusLensError &&
      ['library.read-only', 'library.disk-full'].includes(explained.code);
    if (canBeRead) return openForReading(paths.database, busyTimeout, explained);
    throw explained;
  }
}

/** Whether something is in the write-ahead log; an empty one says nothing that the file does not. */
function hasLog(file: string): boolean {
  return (statSync(`${file}-wal`, { throwIfNoEntry: false })?.size ?? 0) > 0;
}

/** For looking only, such as in a thread of its own; the reason is what a write is refused with. */
export function openForReading(file: string, timeout: number, reason: FundusLensError): Database {
  let connection: SqliteDatabase.Database | undefined;
  try {
    connection = new SqliteDatabase(file, { readonly: true, timeout });
    checkIdentity(connection);
    return new Database(connection, reason);
  } catch (error) {
    connection?.close();
    const explained = explainDatabaseError(error);
    const needsLogFiles = explained instanceof FundusLensError && explained.code !== 'library.damaged';
    if (!needsLogFiles || hasLog(file)) throw explained;
  }
  return guarded(() => {
    const copy = new SqliteDatabase(readWithoutLog(file), { readonly: true });
    checkIdentity(copy);
    return new Database(copy, reason);
  });
}

/**
 * A database with a write-ahead log needs a companion file beside it even to be read, which a read-only folder refuses.
 * Closed cleanly it has no log, so its bytes are the whole database: they are read into memory, where no log is needed.
 */
function readWithoutLog(file: string): Buffer {
  const { size } = statSync(file);
  if (size > maxInMemoryBytes) {
    throw new FundusLensError(
      'library.read-only',
      'The library is too large to be read from a read-only folder.',
      {
        expected: `at most ${maxInMemoryBytes} bytes`,
        found: `${size} bytes`,
        advice: 'copy the library to a folder that can be written',
      },
    );
  }
  const bytes = readFileSync(file);
  // File format versions for writing and reading: 2 is a write-ahead log, 1 a journal.
  bytes.fill(1, 18, 20);
  return bytes;
}

function findWhyUnwritable({ root, database }: LibraryPaths): FundusLensError | null {
  for (const target of existsSync(database) ? [root, database] : [root]) {
    try {
      accessSync(target, constants.W_OK);
    } catch (error) {
      const explained = explainDatabaseError(error);
      if (explained instanceof FundusLensError && explained.code === 'library.read-only') return explained;
      throw explained;
    }
  }
  return null;
}

/** @returns the schema version; 0 for a new file */
function checkIdentity(connection: SqliteDatabase.Database): number {
  const version = Number(connection.pragma('user_version', { simple: true }));
  const identity = Number(connection.pragma('application_id', { simple: true }));
  const tables = connection.prepare('SELECT count(*) AS n FROM sqlite_schema').get() as { n: number };
  if (version < 0) throw damagedLibrary(`schema ${version}`);
  if (identity !== applicationId && tables.n > 0) {
    throw new FundusLensError('library.unavailable', 'The file library.sqlite belongs to another program.', {
      expected: 'a library of this software, or an empty folder',
      found: `application id ${identity}`,
      advice: `choose another folder than "${path.basename(path.dirname(connection.name))}"`,
    });
  }
  return version;
}

function checkContent(connection: SqliteDatabase.Database, file: string): void {
  const scopes = statSync(file).size > fullCheckBytes ? coreTables : ['1'];
  for (const scope of scopes) {
    if (scope !== '1' && connection.pragma(`table_info(${scope})`, { simple: true }) === undefined) continue;
    const verdict = connection.pragma(`quick_check(${scope})`, { simple: true });
    if (verdict !== 'ok') throw damagedLibrary(`quick_check: ${String(verdict)}`);
  }
}
