import SqliteDatabase from 'better-sqlite3';
import { mkdirSync, rmSync, utimesSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { addRecords, makeRecord, scratchFolder } from '../store/testing.ts';
import { LibrarySession } from './library/library-session.ts';

let folder: string;
let session: LibrarySession;

beforeEach(async () => {
  folder = scratchFolder();
  session = await LibrarySession.open(folder, {});
});

afterEach(() => {
  session.close();
  rmSync(folder, { recursive: true });
});

describe('a restore', () => {
  it('leaves an open library where an old folder lies among the temporary files', async () => {
    addRecords(session.library, [makeRecord('a.jpg')]);
    const { name } = await session.backup(10);
    addRecords(session.library, [makeRecord('b.jpg')]);
    const left = path.join(folder, 'temporary', 'fundus-lens-drop-x');
    mkdirSync(left);
    utimesSync(left, 1, 1);
    await session.restore(name);
    expect(session.library.search.count({})).toBe(1);
  });

  it('of a backup that passes its check and cannot be opened puts the present library back', async () => {
    addRecords(session.library, [makeRecord('a.jpg'), makeRecord('b.jpg')]);
    // An older schema by its number, with nothing in it that the migration could change.
    const name = 'backup-20240101T000000000Z.sqlite';
    const hollow = new SqliteDatabase(path.join(folder, 'backups', name));
    hollow.pragma('application_id = 1179405907');
    hollow.pragma('user_version = 1');
    hollow.close();
    await expect(session.restore(name)).rejects.toThrow();
    expect(session.library.search.count({})).toBe(2);
    expect(session.library.readOnlyReason).toBeNull();
  });
});
