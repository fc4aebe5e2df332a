import { existsSync, linkSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { Workbench } from '../open-workbench.ts';
import { WorkbenchFixture } from '../workbench-fixture.ts';
import { OutputFile } from './output-file.ts';

const fixture = new WorkbenchFixture();
const home = path.join(fixture.folder, 'home');
const downloads = path.join(home, 'Downloads');
let workbench: Workbench;

beforeAll(async () => {
  mkdirSync(path.join(home, '.ssh'), { recursive: true });
  mkdirSync(downloads);
  vi.stubEnv('HOME', home);
  vi.stubEnv('USERPROFILE', home);
  for (const folder of ['settings', 'cache', 'Мои модели']) {
    mkdirSync(path.join(fixture.folder, folder), { recursive: true });
  }
  workbench = await fixture.open();
});
afterAll(async () => {
  vi.unstubAllEnvs();
  await fixture.remove();
});

function exportTo(file: string, client = workbench.client) {
  return client.exports.images({ format: 'csv', target: { to: 'file', path: file, overwrite: true } });
}

const refused = { code: 'PROBLEM', data: { code: 'output.unwritable' } };

describe('an export to a file', () => {
  const database = () => path.join(fixture.libraryFolder, 'library.sqlite');

  test('never goes into a library, neither the open one nor another', async () => {
    const before = readFileSync(database());
    const other = path.join(fixture.folder, 'other library');
    mkdirSync(path.join(other, 'originals'), { recursive: true });
    writeFileSync(path.join(other, 'library.sqlite'), '');
    for (const file of [
      database(),
      path.join(fixture.libraryFolder, 'originals', 'x.csv'),
      path.join(fixture.libraryFolder, 'new folder', '..', 'x.csv'),
      path.join(other, 'originals', 'x.csv'),
    ]) {
      await expect(exportTo(file), file).rejects.toMatchObject(refused);
    }
    expect(readFileSync(database())).toEqual(before);
  });

  test('does not get there through links either', async () => {
    const links = path.join(fixture.folder, 'links');
    mkdirSync(links);
    symlinkSync(database(), path.join(links, 'a.csv'));
    symlinkSync(fixture.libraryFolder, path.join(links, 'b'));
    symlinkSync(path.join(fixture.libraryFolder, 'not there yet.csv'), path.join(links, 'c.csv'));
    symlinkSync('c.csv', path.join(links, 'd.csv'));
    for (const name of ['a.csv', 'b/x.csv', 'b/originals/x.csv', 'c.csv', 'd.csv']) {
      await expect(exportTo(path.join(links, name)), name).rejects.toMatchObject(refused);
    }
    // A second name of the database is replaced, and the database stays.
    const before = readFileSync(database());
    linkSync(database(), path.join(links, 'e.csv'));
    await exportTo(path.join(links, 'e.csv'));
    expect(readFileSync(database())).toEqual(before);
  });

  test('never goes where the software keeps its settings, models and logs', async () => {
    for (const folder of ['settings', 'cache', 'Мои модели']) {
      await expect(exportTo(path.join(fixture.folder, folder, 'x.csv')), folder).rejects.toMatchObject(
        refused,
      );
    }
  });

  test('never goes to a device or to the hidden files of a home folder', async () => {
    expect(homedir()).toBe(home);
    const hidden = ['.bashrc', '.ssh/authorized_keys', '.config/autostart/x.desktop'];
    for (const file of [...hidden.map((name) => path.join(home, name)), '/dev/null', '/proc/self/mem']) {
      await expect(exportTo(file), file).rejects.toMatchObject(refused);
    }
    expect(existsSync(path.join(home, '.bashrc'))).toBe(false);
    await expect(OutputFile.open(path.join(home, '.bashrc'))).rejects.toMatchObject({
      code: 'output.unwritable',
    });
  });

  test('says why, and goes anywhere else', async () => {
    await expect(exportTo(database())).rejects.toMatchObject({
      data: { found: expect.stringContaining('library') as string },
    });
    const file = path.join(home, 'Таблица.csv');
    expect(await exportTo(file)).toMatchObject({ path: file });
  });

  test('of a page in a browser goes only where the person has allowed it', async () => {
    const narrow = await fixture.open({
      libraryFolder: path.join(fixture.folder, 'second'),
      exportFolders: [downloads],
    });
    const file = path.join(downloads, 'x.csv');
    expect(await exportTo(file, narrow.client)).toMatchObject({ path: file });
    symlinkSync(home, path.join(downloads, 'way out'));
    for (const outside of [
      path.join(home, 'y.csv'),
      path.join(downloads, 'way out', 'y.csv'),
      `${downloads}.csv`,
    ]) {
      await expect(exportTo(outside, narrow.client), outside).rejects.toMatchObject(refused);
    }
  });
});
