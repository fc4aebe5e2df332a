import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { importFiles } from '../../electron/ingest/import-files.ts';
import { openLibrary } from '../../electron/store/library/library.ts';
import { generateImportFolder } from '../fixtures/import-folder.ts';

const scratch = mkdtempSync(path.join(tmpdir(), 'полный диск '));
const disk = path.join(scratch, 'disk');
mkdirSync(disk);
/** A file system of its own needs rights that a test runner may not have. */
const mounted =
  process.platform === 'linux' &&
  spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=2500k', 'tmpfs', disk], { stdio: 'ignore' }).status === 0;

beforeAll(() => generateImportFolder(path.join(scratch, 'source'), 400, 0));

afterAll(() => {
  if (mounted) spawnSync('umount', [disk]);
  rmSync(scratch, { recursive: true });
});

describe.skipIf(!mounted)('a library on a disk that runs full', () => {
  it('says so, keeps what was committed, and works again when there is space', async () => {
    const folder = path.join(disk, 'Библиотека');
    const library = await openLibrary(folder);
    const { imports: store, files, paths } = library;
    let committed = 0;
    const run = async () => {
      for await (const event of importFiles({
        sources: [path.join(scratch, 'source')],
        store,
        files,
        paths,
      })) {
        if (event.type === 'committed') committed = event.counts.added;
      }
    };
    await expect(run()).rejects.toMatchObject({ code: 'library.disk-full' });
    expect(committed).toBeGreaterThan(0);
    expect(library.search.count({})).toBe(committed);
    library.close();

    // Closed with room to do so, then not a byte is left: what was stored is still there to be read.
    spawnSync('mount', ['-o', 'remount,size=8m', disk]);
    (await openLibrary(folder)).close();
    const rest = statfsSync(disk);
    writeFileSync(path.join(disk, 'rest'), Buffer.alloc(rest.bavail * rest.bsize));
    const looked = await openLibrary(folder);
    expect(looked.readOnlyReason?.code).toBe('library.disk-full');
    expect(looked.search.count({})).toBe(committed);
    looked.close();
    rmSync(path.join(disk, 'rest'));

    spawnSync('mount', ['-o', 'remount,size=64m', disk]);
    const again = await openLibrary(folder);
    const verdict = await again.verify();
    expect(verdict).toMatchObject({
      database: [],
      missingFiles: [],
      changedFiles: [],
      audit: { intact: true },
    });
    expect(again.search.count({})).toBe(committed);
    again.close();
  });
});
