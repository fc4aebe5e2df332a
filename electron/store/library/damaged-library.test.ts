import SqliteDatabase from 'better-sqlite3';
import {
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FundusLensError } from '../../contract/errors.ts';
import { restoreBackup } from './backups.ts';
import { openLibrary } from './library.ts';
import { addRecords, makeRecord, scratchFolder } from '../testing.ts';

let folder: string;
let file: string;

beforeEach(() => {
  folder = scratchFolder();
  file = path.join(folder, 'library.sqlite');
});

afterEach(() => rmSync(folder, { recursive: true }));

/** A closed library with rows, a backup, and a file of content. @returns the name of the backup */
async function makeLibrary(): Promise<string> {
  const library = await openLibrary(folder);
  await library.files.write('originals/ab/abc.jpg', Buffer.from('photograph'));
  addRecords(
    library,
    Array.from({ length: 100 }, (_, i) => makeRecord(`снимок ${i}.jpg`, { note: `Заметка ${i}` })),
  );
  const backup = await library.backup();
  library.close();
  return path.basename(backup.file);
}

async function whyItDoesNotOpen(): Promise<FundusLensError> {
  const outcome = await openLibrary(folder).then(
    (library) => library.close(),
    (error: unknown) => error,
  );
  if (!(outcome instanceof FundusLensError)) throw new Error('the library opened');
  return outcome;
}

describe('a library whose database', () => {
  const kinds: Readonly<Record<string, () => void>> = {
    'is gone': () => rmSync(file),
    'has 0 bytes': () => truncateSync(file, 0),
    'ends in its header': () => truncateSync(file, 60),
    'ends too early': () => truncateSync(file, Math.floor(statSync(file).size / 2)),
    'is another file': () => writeFileSync(file, 'Dear colleague, '.repeat(1000)),
    'has no tables': () => {
      rmSync(file);
      const hollow = new SqliteDatabase(file);
      hollow.exec('CREATE TABLE x (y); DROP TABLE x');
      hollow.close();
    },
    'has a schema below zero': () => {
      const changed = new SqliteDatabase(file);
      changed.pragma('journal_mode = DELETE');
      changed.pragma('user_version = -5');
      changed.close();
    },
    'is of another program': () => {
      rmSync(file);
      const other = new SqliteDatabase(file);
      other.exec('CREATE TABLE moz_places (id)');
      other.close();
    },
  };

  it.each(Object.keys(kinds))(
    '%s is not taken for a new one, and the last backup is offered',
    async (kind) => {
      const backup = await makeLibrary();
      kinds[kind]!();
      const before = existsSync(file) ? readFileSync(file) : null;
      const error = await whyItDoesNotOpen();
      expect(error.code).toBe('library.damaged');
      expect(error.advice).toContain(backup);
      // Looking at it has changed nothing.
      expect(existsSync(file) ? readFileSync(file) : null).toEqual(before);
    },
  );

  it.each([
    ['a schema below zero', 60, -5],
    ['a format that no version writes', 44, 99],
  ])('is not replaced by a backup with %s', async (_, offset, value) => {
    const backup = path.join(folder, 'backups', await makeLibrary());
    const bytes = readFileSync(backup);
    bytes.writeInt32BE(value, offset);
    writeFileSync(backup, bytes);
    const before = readFileSync(file);
    await expect(restoreBackup(folder, backup)).rejects.toMatchObject({ code: 'library.damaged' });
    expect(readFileSync(file)).toEqual(before);
  });

  it('says of each what it found, in words of its own', async () => {
    const said: string[] = [];
    for (const spoil of Object.values(kinds)) {
      rmSync(folder, { recursive: true });
      mkdirSync(folder);
      await makeLibrary();
      spoil();
      said.push((await whyItDoesNotOpen()).found ?? '');
    }
    expect(new Set(said).size).toBe(said.length);
    expect(said.every((text) => text !== '')).toBe(true);
  });

  it('is damaged says so where there is no backup to offer', async () => {
    await makeLibrary();
    rmSync(path.join(folder, 'backups'), { recursive: true });
    truncateSync(file, 0);
    expect((await whyItDoesNotOpen()).advice).toContain('no backup');
  });

  it('is empty and has nothing beside it becomes a new library', async () => {
    writeFileSync(file, '');
    (await openLibrary(folder)).close();
    expect((await openLibrary(folder)).search.count({})).toBe(0);
  });

  it('was not closed is not taken for cut short', async () => {
    const library = await openLibrary(folder);
    addRecords(library, [makeRecord('a.jpg')]);
    // As after a crash: the log holds what the file does not have yet.
    const copy = path.join(folder, 'copy');
    mkdirSync(copy);
    for (const suffix of ['', '-wal']) {
      writeFileSync(path.join(copy, `library.sqlite${suffix}`), readFileSync(file + suffix));
    }
    library.close();
    const again = await openLibrary(copy);
    expect(again.search.count({})).toBe(1);
    again.close();
  });
});

describe('bits that flip while the library is closed', () => {
  it('are noticed wherever they are', async () => {
    await makeLibrary();
    const whole = readFileSync(file);
    const { atime, mtime } = statSync(file);
    // Evenly over the file, so that rows, indexes and empty places are met.
    for (let i = 0; i < 30; i++) {
      const bytes = Buffer.from(whole);
      const place = Math.floor(((i + 0.5) / 30) * bytes.byteLength);
      bytes[place] = bytes[place]! ^ (1 << (i % 8));
      writeFileSync(file, bytes);
      utimesSync(file, atime, mtime);
      expect((await whyItDoesNotOpen()).code, `at byte ${place}`).toBe('library.damaged');
    }
    writeFileSync(file, whole);
    utimesSync(file, atime, mtime);
    const library = await openLibrary(folder);
    expect(library.search.count({})).toBe(100);
    library.close();
  });

  it('are not suspected where another program has written the file, or it was restored or copied', async () => {
    await makeLibrary();
    const raw = new SqliteDatabase(file);
    raw.exec("UPDATE images SET note = 'x' WHERE id = 1");
    raw.close();
    (await openLibrary(folder)).close();
    utimesSync(file, 1, 1);
    (await openLibrary(folder)).close();
    (await openLibrary(folder)).close();
  });
});
