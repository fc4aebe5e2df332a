import SqliteDatabase from 'better-sqlite3';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { restoreBackup } from './backups.ts';
import { warnAboutFolder } from './library-folder.ts';
import { openLibrary } from './library.ts';
import type { Library } from './library.ts';
import { schemaVersion } from '../database/migrate.ts';
import { migrations } from '../database/migrations/index.ts';
import { addRecords, makeRecord, scratchFolder } from '../testing.ts';

let folder: string;
let file: string;
const opened: Library[] = [];

beforeEach(() => {
  folder = scratchFolder();
  file = path.join(folder, 'library.sqlite');
});

afterEach(() => {
  for (const library of opened.splice(0)) library.close();
  rmSync(folder, { recursive: true });
});

async function open(options: Parameters<typeof openLibrary>[1] = {}): Promise<Library> {
  const library = await openLibrary(folder, options);
  opened.push(library);
  return library;
}

function close(library: Library): void {
  opened.splice(opened.indexOf(library), 1);
  library.close();
}

describe('opening', () => {
  it('makes a library, and finds everything again', async () => {
    const library = await open();
    addRecords(library, [
      makeRecord('снимок.jpg', {}, { patient: { code: 'П-1', name: null, birthYear: null, sex: null } }),
    ]);
    close(library);
    const again = await open();
    expect(again.readOnlyReason).toBeNull();
    expect(again.search.page({}).items).toMatchObject([{ fileName: 'снимок.jpg', patientCode: 'П-1' }]);
    expect((await again.verify()).audit.intact).toBe(true);
  });

  it('takes a library of every older schema to the present one, with a backup first', async () => {
    for (let version = 1; version < schemaVersion; version++) {
      rmSync(folder, { recursive: true });
      mkdirSync(folder);
      const old = new SqliteDatabase(file);
      old.pragma(`application_id = 1179405907`);
      for (const migration of migrations.slice(0, version)) old.exec(migration);
      old.exec(
        "INSERT INTO patients (code, codeKey, createdAt) VALUES ('P7', 'p7', '2024-01-01T00:00:00.000Z')",
      );
      old.pragma(`user_version = ${version}`);
      old.close();
      const library = await open();
      expect(library.patients.list({ limit: 5 }).map(({ code }) => code)).toEqual(['P7']);
      expect((await library.backups()).map(({ kind }) => kind)).toEqual(['migration']);
      close(library);
    }
  });

  it('opens a newer schema for reading and says so', async () => {
    const library = await open();
    addRecords(library, [makeRecord('a.jpg')]);
    close(library);
    const raw = new SqliteDatabase(file);
    raw.pragma(`user_version = ${schemaVersion + 1}`);
    raw.close();
    const newer = await open();
    expect(newer.readOnlyReason?.code).toBe('library.newer-schema');
    expect(newer.search.count({})).toBe(1);
    expect(() => newer.groups.create('x')).toThrow(/newer version/);
  });

  it('refuses the database of another program, and rubbish', async () => {
    const other = new SqliteDatabase(file);
    other.exec('CREATE TABLE moz_places (id)');
    other.close();
    await expect(open()).rejects.toMatchObject({ code: 'library.unavailable' });
    writeFileSync(file, 'this is not a database, only long enough to be looked at'.repeat(100));
    await expect(open()).rejects.toMatchObject({ code: 'library.damaged' });
  });

  it('notices damage inside the file', async () => {
    const library = await open();
    addRecords(
      library,
      Array.from({ length: 200 }, (_, i) => makeRecord(`снимок ${i}.jpg`)),
    );
    close(library);
    const bytes = readFileSync(file);
    bytes.fill(0xa5, 4096 * 3, 4096 * 60);
    writeFileSync(file, bytes);
    await expect(open()).rejects.toMatchObject({ code: 'library.damaged' });
  });

  it('says that another program holds the library, and changes nothing', async () => {
    const library = await open({ busyTimeout: 50 });
    const other = new SqliteDatabase(file);
    other.exec('BEGIN IMMEDIATE');
    expect(() => library.groups.create('x')).toThrow(expect.objectContaining({ code: 'library.locked' }));
    other.exec('ROLLBACK');
    expect(library.groups.list()).toEqual([]);
    close(library);
    other.pragma('locking_mode = EXCLUSIVE');
    other.exec('BEGIN EXCLUSIVE; COMMIT');
    await expect(open({ busyTimeout: 50 })).rejects.toMatchObject({ code: 'library.locked' });
    other.close();
  });

  it('does not take a folder without its database for a new library', async () => {
    close(await open());
    rmSync(file);
    writeFileSync(path.join(folder, 'backups', 'x'), '');
    await expect(open()).rejects.toMatchObject({ code: 'library.damaged' });
    await expect(openLibrary(path.join(folder, 'нет'), { create: false })).rejects.toMatchObject({
      code: 'library.unavailable',
    });
  });

  it('reads a library that it may not write, and does not make one there', async () => {
    const library = await open();
    addRecords(library, [makeRecord('a.jpg')]);
    close(library);
    chmodSync(file, 0o444);
    chmodSync(folder, 0o555);
    await asOrdinaryUser(async () => {
      const readOnly = await open();
      expect(readOnly.readOnlyReason?.code).toBe('library.read-only');
      expect(readOnly.search.count({ filter: { text: 'a' } })).toBe(1);
      expect(() => readOnly.groups.create('x')).toThrow(
        expect.objectContaining({ code: 'library.read-only' }),
      );
      await expect(openLibrary(path.join(folder, 'new'))).rejects.toMatchObject({
        code: 'library.read-only',
      });
      close(readOnly);
    });
    chmodSync(folder, 0o755);
    chmodSync(file, 0o644);
    expect((await open()).search.count({})).toBe(1);
  });

  it('keeps the library as it was when the disk is full', async () => {
    const library = await open();
    addRecords(library, [makeRecord('a.jpg')]);
    const before = library.audit.head();
    library.limitPages(0);
    const many = Array.from({ length: 2000 }, (_, i) =>
      makeRecord(`${i}.jpg`, { note: 'слово '.repeat(50) }),
    );
    expect(() => addRecords(library, many)).toThrow(expect.objectContaining({ code: 'library.disk-full' }));
    expect(library.search.count({})).toBe(1);
    library.limitPages(1_000_000);
    expect(library.audit.list(10).some(({ hash }) => hash === before)).toBe(true);
    expect((await library.verify()).database).toEqual([]);
  });
});

describe('backups', () => {
  it('are checked, rotated, and can be restored with the old file kept', async () => {
    let minute = 0;
    const library = await open({ now: () => new Date(Date.UTC(2024, 0, 1, 0, minute++)) });
    addRecords(library, [makeRecord('a.jpg')]);
    for (let i = 0; i < 4; i++) await library.backup({ keep: 3 });
    const backups = await library.backups();
    expect(backups).toHaveLength(3);
    addRecords(library, [makeRecord('b.jpg')]);
    close(library);

    const aside = await restoreBackup(folder, backups[0]!.file);
    const restored = await open();
    expect(restored.search.count({})).toBe(1);
    const old = new SqliteDatabase(aside!, { readonly: true });
    expect(old.prepare('SELECT count(*) FROM images').pluck().get()).toBe(2);
    old.close();
  });

  it('are removed by age and by size together, the newest never', async () => {
    let now = Date.UTC(2024, 0, 1);
    const library = await open({ now: () => new Date(now) });
    addRecords(library, [makeRecord('a.jpg')]);
    for (let i = 0; i < 4; i++) {
      await library.backup({ keep: 100 });
      now += 86_400_000;
    }
    const { bytes } = (await library.backups())[0]!;
    await library.backup({ keep: 100, keepDays: 3 });
    expect(await library.backups()).toHaveLength(4);
    now += 1000;
    await library.backup({ keep: 100, mostBytes: 2.5 * bytes });
    expect(await library.backups()).toHaveLength(2);
    now += 1000;
    const { file: newest } = await library.backup({ keep: 100, mostBytes: 1 });
    expect((await library.backups()).map((backup) => backup.file)).toEqual([newest]);
  });

  it('replaces a damaged library, and refuses a damaged backup', async () => {
    const library = await open();
    addRecords(library, [makeRecord('a.jpg')]);
    const backup = await library.backup();
    close(library);
    writeFileSync(file, Buffer.alloc(statSync(file).size, 7));
    const broken = path.join(folder, 'broken.sqlite');
    writeFileSync(broken, readFileSync(backup.file).subarray(0, 20_000));
    await expect(restoreBackup(folder, broken)).rejects.toMatchObject({ code: 'library.damaged' });
    const aside = await restoreBackup(folder, backup.file);
    expect(readFileSync(aside!)[0]).toBe(7);
    expect((await open()).search.count({})).toBe(1);
    expect(readdirSync(path.join(folder, 'temporary'))).toEqual([]);
    expect(existsSync(`${file}-journal`)).toBe(false);
  });
});

describe('the audit log', () => {
  it('cannot be changed, and shows it when somebody did', async () => {
    const library = await open();
    library.groups.create('Когорта');
    library.patients.update(library.patients.add({ code: 'P1', name: 'Незабудкина' }).id, { name: 'Другая' });
    expect(library.audit.verify()).toMatchObject({ intact: true, entries: 3, head: library.audit.head() });
    expect(JSON.stringify(library.audit.list(10))).not.toMatch(/Незабудкина|Другая/);
    const raw = new SqliteDatabase(file);
    expect(() => raw.exec("UPDATE audit_log SET actor = 'x'")).toThrow(/append-only/);
    expect(() => raw.exec('DELETE FROM audit_log')).toThrow(/append-only/);
    raw.exec("DROP TRIGGER audit_is_append_only; UPDATE audit_log SET details = '{}' WHERE id = 3");
    raw.close();
    expect(library.audit.verify()).toEqual({ intact: false, entries: 2, firstBadId: 3 });
  });
});

describe('warnAboutFolder', () => {
  it.each([
    ['/home/a/OneDrive - Клиника/lib', 0, ['OneDrive']],
    ['/home/a/Яндекс.Диск/lib', 0, ['Yandex Disk']],
    ['/mnt/share', 0x6969, ['NFS']],
    ['/home/a/Библиотека', 0xef53, []],
  ])('of %s', (where, type, names) => {
    expect(warnAboutFolder(where, () => type).map(({ name }) => name)).toEqual(names);
  });
});

/** Permissions do not bind root, so the test steps down where it runs as root. */
async function asOrdinaryUser(work: () => Promise<void>): Promise<void> {
  const isRoot = process.geteuid?.() === 0;
  if (isRoot) process.seteuid!(65534);
  try {
    await work();
  } finally {
    if (isRoot) process.seteuid!(0);
  }
}
