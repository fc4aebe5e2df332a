import { closeSync, existsSync, openSync, readdirSync, readSync, statSync } from 'node:fs';
import type { LibraryPaths } from '../../contract/app/library.ts';

/** Of the file, and of its first page. */
const headerBytes = 108;
const magic = 'SQLite format 3\0';
/** Marks the file as ours: "FLNS". */
export const applicationId = 0x464c4e53;

/**
 * Looks at a library's database before SQLite does, which takes an absent or empty file for a new database and would
 * open a library without its content. Nothing is changed.
 *
 * @returns what is wrong, in words for a person; null when SQLite may try
 */
export function examineDatabaseFile(paths: LibraryPaths): string | null {
  const file = paths.database;
  const isUsed = holdsContent(paths);
  if (!existsSync(file)) return isUsed ? 'originals or backups, but no library.sqlite' : null;
  const { size } = statSync(file);
  if (size === 0) return isUsed ? 'library.sqlite with 0 bytes' : null;
  if (size < headerBytes) return `library.sqlite with ${size} bytes, which is less than its header`;
  const header = readHeader(file);
  if (header.toString('latin1', 0, 16) !== magic) return 'library.sqlite that is no database';
  // With a log beside it the file alone does not tell.
  if (sizeOf(`${file}-wal`) > 0) return null;
  const expected = expectedBytes(header);
  if (expected !== null && size < expected) {
    return `library.sqlite with ${size} of its ${expected} bytes: it was cut short`;
  }
  if (!isUsed) return null;
  // The first page lists the tables; its head counts them.
  if (header.readUInt16BE(103) === 0) return 'library.sqlite without any table in it';
  if (header.readUInt32BE(68) !== applicationId) {
    return `library.sqlite of another program (application id ${header.readUInt32BE(68)})`;
  }
  return null;
}

/** Whether there is content that only a database can make sense of. */
function holdsContent({ originals, renderings, arrays, backups }: LibraryPaths): boolean {
  return [originals, renderings, arrays, backups].some((folder) => {
    try {
      return readdirSync(folder).length > 0;
    } catch {
      // Not there, or not ours to look into.
      return false;
    }
  });
}

/** Pages times their size, where the header's count is valid (SQLite file format 1.3.7). */
function expectedBytes(header: Buffer): number | null {
  const isValid = header.readUInt32BE(24) === header.readUInt32BE(92);
  const pageSize = header.readUInt16BE(16) === 1 ? 65_536 : header.readUInt16BE(16);
  return isValid ? header.readUInt32BE(28) * pageSize : null;
}

function readHeader(file: string): Buffer {
  const header = Buffer.alloc(headerBytes);
  const descriptor = openSync(file, 'r');
  try {
    readSync(descriptor, header, 0, headerBytes, 0);
  } finally {
    closeSync(descriptor);
  }
  return header;
}

function sizeOf(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.size ?? 0;
}
