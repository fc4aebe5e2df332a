import SqliteDatabase from 'better-sqlite3';
import {
  closeSync,
  mkdirSync,
  openSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
  writeSync,
} from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { canonicalJson, sha256Hex } from '../../store/database/canonical-json.ts';
import { addRecords, makeRecord, scratchFolder } from '../../store/testing.ts';
import { LibrarySession } from './library-session.ts';
import { restoreDamaged } from './restore-damaged.ts';

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
    const { name } = await session.backup({ keep: 10 });
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

it('tells the size of the database with what lies beside its file', async () => {
  addRecords(session.library, [makeRecord('a.jpg')]);
  const file = session.library.paths.database;
  const beside = statSync(`${file}-wal`).size;
  expect(beside).toBeGreaterThan(0);
  expect((await session.status()).databaseBytes).toBe(statSync(file).size + beside);
});

describe('the periodic check', () => {
  it('notes when the database was last looked through, and what was found', async () => {
    addRecords(
      session.library,
      Array.from({ length: 300 }, (_, i) => makeRecord(`${i}.jpg`, { note: `заметка ${i}`.repeat(20) })),
    );
    expect((await session.status()).lastCheck).toBeNull();
    expect(await session.checkWhenDue(7)).toMatchObject({ found: null });
    expect(await session.checkWhenDue(7)).toBeNull();
    expect((await session.status()).lastCheck).toMatchObject({ found: null });

    // A page of a table is overwritten behind the back of the open library.
    const raw = new SqliteDatabase(path.join(folder, 'library.sqlite'));
    raw.pragma('wal_checkpoint(TRUNCATE)');
    const [{ page }] = raw
      .prepare("SELECT max(pageno) AS page FROM dbstat WHERE name = 'images' AND pagetype = 'leaf'")
      .all() as [{ page: number }];
    raw.close();
    const descriptor = openSync(path.join(folder, 'library.sqlite'), 'r+');
    writeSync(descriptor, Buffer.alloc(4096, 0xa5), 0, 4096, (page - 1) * 4096);
    closeSync(descriptor);
    expect((await session.checkWhenDue(0))?.found).toMatch(/\w/);
    expect((await session.status()).lastCheck?.found).toMatch(/\w/);
  });
});

describe('a library that is damaged', () => {
  it('is restored without being opened first, and one that is whole is left alone', async () => {
    addRecords(session.library, [makeRecord('a.jpg')]);
    const { name } = await session.backup({ keep: 10 });
    session.close();
    expect(await restoreDamaged(folder, name)).toBe(false);
    truncateSync(path.join(folder, 'library.sqlite'), 0);
    await expect(restoreDamaged(folder, 'backup-no.sqlite')).rejects.toMatchObject({ code: 'input.invalid' });
    expect(await restoreDamaged(folder, name)).toBe(true);
    session = await LibrarySession.open(folder, {});
    expect(session.library.search.count({})).toBe(1);
  });
});

describe('the log of the library', () => {
  it('does not pass when it was computed anew from a changed entry on', async () => {
    session.close();
    const auditKeyFile = `${folder}.key`;
    const open = async () => (session = await LibrarySession.open(folder, { auditKeyFile }));
    await open();
    session.library.groups.create('Когорта');
    session.library.groups.create('Другая');
    session.close();
    expect((await (await open()).verify()).auditIntact).toBe(true);
    session.close();

    const raw = new SqliteDatabase(path.join(folder, 'library.sqlite'));
    raw.exec('DROP TRIGGER audit_is_append_only');
    type Row = Record<'at' | 'actor' | 'action' | 'subject' | 'details', string> & { id: number };
    let previousHash = '0'.repeat(64);
    for (const row of raw.prepare('SELECT * FROM audit_log ORDER BY id').all() as Row[]) {
      const { id, at, action, subject, details } = row;
      const actor = id === 1 ? 'somebody else' : row.actor;
      const hash = sha256Hex(canonicalJson([previousHash, at, actor, action, subject, details]));
      raw
        .prepare('UPDATE audit_log SET actor = ?, previousHash = ?, hash = ? WHERE id = ?')
        .run(actor, previousHash, hash, id);
      previousHash = hash;
    }
    raw.close();
    await open();
    // The chain by itself is whole.
    expect(session.library.audit.verify().intact).toBe(true);
    expect(await session.verify()).toMatchObject({ ok: false, auditIntact: false });
    if (process.platform !== 'win32') expect(statSync(auditKeyFile).mode & 0o777).toBe(0o600);
    rmSync(auditKeyFile);
  });
});
