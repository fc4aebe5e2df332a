import path from 'node:path';
import { findAppFolders } from '../../shell/app-folders.ts';
import { restoreDamaged } from '../../workbench/library/restore-damaged.ts';
import { restoreWhole } from '../../workbench/library/restore-whole.ts';
import { describeError, exitCodeOf, exitCodes } from '../exit-codes.ts';
import { withLibrary } from './library-context.ts';
import type { LibraryOptions } from './library-context.ts';
import { print } from '../terminal/standard-output.ts';
import { drawTable } from '../terminal/text-table.ts';

const whatIsInside =
  'It holds the database: patients, findings, protocols, traces. Photographs are not in it; --everything FILE.zip has them.\n';

export interface BackupCommandOptions extends LibraryOptions {
  readonly everything?: string | undefined;
  readonly overwrite?: boolean | undefined;
}

/** Makes a checked backup of the database and lists all; or writes the whole library to a file. */
export function runBackup(options: BackupCommandOptions): Promise<number> {
  const { everything, overwrite = false } = options;
  return withLibrary(options, {}, async ({ client, signal }) => {
    if (everything !== undefined) {
      const file = path.resolve(everything);
      const { bytes, photographs, missing } = await client.exports.library(
        { path: file, overwrite },
        { signal },
      );
      const gone = missing.map((name) => `Not there any more: ${name}\n`).join('');
      await print(
        `${file}: ${bytes} bytes, ${photographs} photographs with everything known of them\n${gone}`,
      );
      return missing.length === 0 ? exitCodes.done : exitCodes.badInput;
    }
    const made = await client.library.backups.create();
    const all = await client.library.backups.list();
    const rows = all.map(({ name, createdAt, bytes }) => [name, createdAt, String(bytes)]);
    await print(
      `Made and checked ${made.name}\n${whatIsInside}\n${drawTable(['backup', 'made', 'bytes'], rows, 60)}`,
    );
    return exitCodes.done;
  });
}

/**
 * Puts a backup in the place of the library; what was there is kept as a backup too. A zip of everything becomes a library in
 * a new folder.
 */
export async function runRestore(name: string, options: LibraryOptions): Promise<number> {
  try {
    if (/\.zip$/i.test(name)) {
      const folder = findAppFolders(options.library).library;
      const { photographs, traces } = await restoreWhole(path.resolve(name), folder);
      await print(`Restored and checked in ${folder}: ${photographs} images, ${traces} traces\n`);
      return exitCodes.done;
    }
    if (await restoreDamaged(findAppFolders(options.library).library, name)) {
      await print(`Restored ${name}; the damaged file is among the backups\n`);
      return exitCodes.done;
    }
  } catch (error) {
    process.stderr.write(`fundus-lens: ${describeError(error)}\n`);
    return exitCodeOf(error);
  }
  return withLibrary(options, {}, async ({ client }) => {
    const { counts } = await client.library.backups.restore({ name });
    await print(`Restored ${name}: ${counts.images} images, ${counts.traces} traces\n`);
    return exitCodes.done;
  });
}

/** Makes what was removed unreadable, and names the backups that may still hold it. */
export function runErase(options: LibraryOptions): Promise<number> {
  return withLibrary(options, {}, async ({ client }) => {
    const { files, bytes, backups } = await client.library.erase();
    const kept =
      backups.length === 0
        ? ''
        : `These backups may still hold what was removed; delete them in the folder "backups" if they must not:\n${backups.join('\n')}\n`;
    await print(`Erased ${files} files, ${bytes} bytes; the database was written anew.\n${kept}`);
    return exitCodes.done;
  });
}

/** Reads everything in the library. @returns 0 when all is well, else 2 */
export function runVerify(options: LibraryOptions): Promise<number> {
  return withLibrary(options, {}, async ({ client, signal }) => {
    const { ok, problems, checked, leftOver } = await client.library.verify(undefined, { signal });
    const found = ok ? 'All is well.\n' : `${problems.join('\n')}\n`;
    const unused =
      leftOver.length === 0 ? '' : `${leftOver.length} files belong to no image any more; they do no harm.\n`;
    await print(
      `${found}${unused}Checked: ${checked.images} images, ${checked.arrayFiles} files, ${checked.auditEntries} entries of the log\n`,
    );
    return ok ? exitCodes.done : exitCodes.badInput;
  });
}
