import { createWriteStream, existsSync } from 'node:fs';
import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { openPromise } from 'yauzl';
import type { ZipFile } from 'yauzl';
import { FundusLensError } from '../../contract/errors.ts';
import { openLibrary } from '../../store/library/library.ts';

/** What a whole backup holds, and nothing else is unpacked. */
const known = /^(?:library\.sqlite|(?:originals|renderings|arrays)\/(?:[\w-]+\/)*[\w-]+(?:\.[\w-]+)*)$/;

/**
 * Makes a library of a whole backup, in a folder that is empty or not there; it appears only when it is whole and all of it
 * was read and compared.
 *
 * @throws FundusLensError `input.invalid` when the folder is used or the file is no such backup; `library.damaged` when
 *   something in it is missing or changed
 */
export async function restoreWhole(
  file: string,
  folder: string,
): Promise<{ photographs: number; traces: number }> {
  if (existsSync(folder) && (await readdir(folder)).length > 0)
    throw new FundusLensError('input.invalid', 'A whole backup is restored into a new folder.', {
      expected: 'an empty folder, or one that is not there',
      found: folder,
      advice: 'Name another with --library.',
    });
  const unpacked = `${path.resolve(folder)}.${process.pid}.part`;
  try {
    await unpack(file, unpacked);
    const counts = await check(unpacked);
    await rm(folder, { recursive: true, force: true });
    await rename(unpacked, folder);
    return counts;
  } finally {
    await rm(unpacked, { recursive: true, force: true });
  }
}

async function unpack(file: string, folder: string): Promise<void> {
  const zip = await open(file);
  try {
    let hasDatabase = false;
    for await (const entry of zip.eachEntry()) {
      if (!known.test(entry.fileName)) continue;
      hasDatabase ||= entry.fileName === 'library.sqlite';
      const target = path.join(folder, entry.fileName);
      await mkdir(path.dirname(target), { recursive: true, mode: 0o700 });
      await pipeline(
        await zip.openReadStreamPromise(entry),
        createWriteStream(target, { flags: 'wx', mode: 0o600 }),
      );
    }
    if (!hasDatabase) throw noBackup(file);
  } finally {
    zip.close();
  }
}

async function open(file: string): Promise<ZipFile> {
  try {
    return await openPromise(file, { autoClose: false });
  } catch (cause) {
    throw noBackup(file, cause);
  }
}

async function check(folder: string): Promise<{ photographs: number; traces: number }> {
  const library = await openLibrary(folder, { create: false });
  try {
    const { database, missingFiles, changedFiles } = await library.verify();
    const wrong = [...database, ...missingFiles, ...changedFiles];
    if (wrong.length > 0)
      throw new FundusLensError('library.damaged', 'The backup is not whole.', {
        expected: 'every file that was in the library',
        found: `${wrong.length} missing or changed, such as ${wrong[0]!}`,
        advice: 'Use another backup; nothing was restored.',
      });
    return { photographs: library.search.count({}), traces: library.traces.count() };
  } finally {
    library.close();
  }
}

function noBackup(file: string, cause?: unknown): FundusLensError {
  return new FundusLensError('input.invalid', 'This is no whole backup of a library.', {
    expected: 'a zip file that `backup --everything` wrote',
    found: path.basename(file),
    advice: 'Check the path.',
    cause,
  });
}
