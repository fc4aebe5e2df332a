import { chmodSync, mkdirSync, readdirSync, rmSync, statSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openLibrary } from './library.ts';
import { addRecords, makeRecord, scratchFolder } from '../testing.ts';

let parent: string;
let folder: string;
let umask: number;

beforeEach(() => {
  parent = scratchFolder();
  folder = path.join(parent, 'library');
  // What most systems give, under which every account may read.
  umask = process.umask(0o022);
});

afterEach(() => {
  process.umask(umask);
  rmSync(parent, { recursive: true });
});

const modeOf = (file: string) => statSync(file).mode & 0o777;

describe.skipIf(process.platform === 'win32')('other accounts of the computer', () => {
  it('can read nothing of a new library', async () => {
    const library = await openLibrary(folder);
    await library.files.write('originals/ab/abc.jpg', Buffer.from('photograph'));
    addRecords(library, [makeRecord('a.jpg')]);
    await library.backup();
    expect(modeOf(folder)).toBe(0o700);
    for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
      const file = path.join(entry.parentPath, entry.name);
      expect(modeOf(file) & 0o077, file).toBe(0);
    }
    library.close();
  });

  it('lose what they could read of an older one, and a group keeps what it was given', async () => {
    (await openLibrary(folder)).close();
    mkdirSync(path.join(folder, 'originals', 'ab'));
    chmodSync(folder, 0o775);
    (await openLibrary(folder)).close();
    expect(modeOf(folder)).toBe(0o770);
  });
});
