import SqliteDatabase from 'better-sqlite3';
import { FundusLensError } from '../../contract/errors.ts';

/**
 * Turns what SQLite or the file system reports into an error with advice; anything else is returned as it is.
 *
 * Never carries SQL parameters, because they may hold a patient's name.
 */
export function explainDatabaseError(error: unknown): unknown {
  const code = errorCodeOf(error);
  if (code === undefined) return error;
  if (code.startsWith('SQLITE_BUSY') || code.startsWith('SQLITE_LOCKED')) {
    return new FundusLensError('library.locked', 'The library is in use by another program.', {
      expected: 'write access within a few seconds',
      found: code,
      advice: 'close other windows of this library, or wait until their work is done, and try again',
      cause: error,
    });
  }
  // The log's index could not grow, which nothing but a full disk does.
  if (['SQLITE_FULL', 'SQLITE_IOERR_SHMSIZE', 'ENOSPC', 'EDQUOT'].includes(code)) {
    return new FundusLensError('library.disk-full', 'The disk of the library is full; nothing was changed.', {
      expected: 'free space for the new data',
      found: code,
      advice: 'free some space or move the library to a larger disk, then repeat the step',
      cause: error,
    });
  }
  if (code.startsWith('SQLITE_READONLY') || code === 'EROFS' || code === 'EACCES' || code === 'EPERM') {
    return new FundusLensError('library.read-only', 'The library cannot be written.', {
      expected: 'write permission for the library folder and its files',
      found: code,
      advice: 'change the permissions of the folder, or copy the library to a folder of your own',
      cause: error,
    });
  }
  // The code is that of a mistake in SQL; only the text tells of a header with numbers that no version writes.
  const isUnknownFormat = code === 'SQLITE_ERROR' && (error as Error).message === 'unsupported file format';
  if (code.startsWith('SQLITE_CORRUPT') || code === 'SQLITE_NOTADB' || isUnknownFormat) {
    return damagedLibrary(code, error);
  }
  if (code.startsWith('SQLITE_CANTOPEN') || code.startsWith('SQLITE_IOERR')) {
    return new FundusLensError('library.unavailable', 'The library cannot be opened or read.', {
      expected: 'a readable library.sqlite',
      found: code,
      advice: 'check that the disk is connected and healthy',
      cause: error,
    });
  }
  return error;
}

export function damagedLibrary(found: string, cause?: unknown): FundusLensError {
  return new FundusLensError('library.damaged', 'The library file is damaged.', {
    expected: 'a SQLite database that passes its own check',
    found,
    advice: 'restore the newest backup from the folder "backups"; the damaged file is kept aside',
    ...(cause === undefined ? {} : { cause }),
  });
}

function errorCodeOf(error: unknown): string | undefined {
  if (error instanceof SqliteDatabase.SqliteError) return error.code;
  if (error instanceof Error && 'code' in error && typeof error.code === 'string') return error.code;
  return undefined;
}
