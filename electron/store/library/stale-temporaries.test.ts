import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { libraryPaths, removeStaleTemporaries } from './library-folder.ts';
import { openLibrary } from './library.ts';
import { scratchFolder } from '../testing.ts';

let folder: string;
let temporary: string;

beforeEach(async () => {
  folder = scratchFolder();
  temporary = path.join(folder, 'temporary');
  (await openLibrary(folder)).close();
});

afterEach(() => rmSync(folder, { recursive: true }));

function age(file: string, hours: number): void {
  const then = new Date(Date.now() - hours * 3_600_000);
  utimesSync(file, then, then);
}

describe('what is left in the temporary folder', () => {
  it('goes after a day, folders with what they hold included, and younger things stay', async () => {
    const drop = path.join(temporary, 'fundus-lens-drop-abc');
    mkdirSync(path.join(drop, 'inner'), { recursive: true });
    writeFileSync(path.join(drop, 'inner', 'фото.jpg'), 'x');
    age(drop, 48);
    writeFileSync(path.join(temporary, 'old'), 'x');
    age(path.join(temporary, 'old'), 48);
    mkdirSync(path.join(temporary, 'young'));
    age(path.join(temporary, 'young'), 23);
    (await openLibrary(folder)).close();
    expect(readdirSync(temporary)).toEqual(['young']);
  });

  it('never takes what a link leads to, and a link to nothing stops nobody', async () => {
    const outside = path.join(folder, 'outside');
    mkdirSync(outside);
    writeFileSync(path.join(outside, 'kept'), 'x');
    symlinkSync(outside, path.join(temporary, 'link'));
    symlinkSync(path.join(folder, 'nothing'), path.join(temporary, 'dangling'));
    removeStaleTemporaries(libraryPaths(folder), Date.now() + 48 * 3_600_000);
    expect(readdirSync(temporary)).toEqual([]);
    expect(existsSync(path.join(outside, 'kept'))).toBe(true);
    (await openLibrary(folder)).close();
  });

  it('that cannot be removed does not keep the library from opening', async () => {
    const foreign = path.join(temporary, 'foreign');
    mkdirSync(foreign);
    writeFileSync(path.join(foreign, 'file'), 'x');
    chmodSync(foreign, 0o555);
    age(foreign, 48);
    // Owned by another: where the test runs as root, it steps down and everything else is opened to all.
    for (const name of ['', 'originals', 'renderings', 'thumbnails', 'arrays', 'backups', 'temporary']) {
      chmodSync(path.join(folder, name), 0o777);
    }
    chmodSync(path.join(folder, 'library.sqlite'), 0o666);
    const isRoot = process.geteuid?.() === 0;
    if (isRoot) process.seteuid!(65534);
    try {
      (await openLibrary(folder)).close();
      expect(existsSync(foreign)).toBe(true);
    } finally {
      if (isRoot) process.seteuid!(0);
      chmodSync(foreign, 0o755);
    }
  });
});
