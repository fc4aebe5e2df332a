import path from 'node:path';
import { FundusLensError } from '../../contract/errors.ts';
import { listBackups, restoreBackup } from '../../store/library/backups.ts';
import { libraryPaths } from '../../store/library/library-folder.ts';
import { openLibrary } from '../../store/library/library.ts';

/**
 * Puts a backup in the place of a library that is too damaged to be opened; the damaged file is kept aside.
 *
 * @returns false when the library does open, and nothing was done
 * @throws input.invalid for an unknown name; library.damaged when the backup is damaged too; library.locked
 */
export async function restoreDamaged(folder: string, name: string): Promise<boolean> {
  try {
    (await openLibrary(folder, { create: false })).close();
    return false;
  } catch (error) {
    if (!(error instanceof FundusLensError) || error.code !== 'library.damaged') throw error;
  }
  const backups = await listBackups(libraryPaths(folder));
  const backup = backups.find(({ file }) => path.basename(file) === name);
  if (backup === undefined) throw unknownBackup(name);
  await restoreBackup(folder, backup.file);
  return true;
}

export function unknownBackup(name: string): FundusLensError {
  return new FundusLensError('input.invalid', 'There is no such backup.', {
    found: name,
    advice: 'reload the list of backups',
  });
}
