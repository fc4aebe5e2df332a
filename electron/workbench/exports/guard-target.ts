import { existsSync, lstatSync, readlinkSync, realpathSync } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';
import { FundusLensError } from '../../contract/errors.ts';
import type { ExportTarget } from '../../contract/exports.ts';
import type { WorkbenchFolders } from '../folders.ts';

const mostLinks = 40;

/**
 * Refuses files that an export must never become: parts of a library, the software's own files, devices, hidden files
 * of the home folder, and, for a page in a browser, whatever lies outside the folders that a person has allowed.
 *
 * @throws FundusLensError `output.unwritable`
 */
export function guardTarget(target: ExportTarget, folders: WorkbenchFolders): void {
  if (target.to === 'answer') return;
  const file = followLinks(path.resolve(target.path));
  const own = [folders.library, folders.cache, folders.models, folders.logs, folders.settings];
  const reason =
    whyNeverWritten(file) ??
    (isInsideAny(file, own) ? 'a folder that the software keeps for itself' : null) ??
    (isDevice(file) ? 'a device and no ordinary file' : null) ??
    (folders.exports !== null && !isInsideAny(file, folders.exports)
      ? 'a folder that was not allowed for exports'
      : null);
  if (reason === null) return;
  throw new FundusLensError('output.unwritable', `Cannot write ${target.path}.`, {
    expected: folders.exports === null ? 'a folder of your own' : `a file in ${folders.exports.join(' or ')}`,
    found: reason,
    advice: 'Choose another place.',
  });
}

/**
 * What nothing that the software writes for a person may replace, whoever asks.
 *
 * @param file absolute, its links followed
 * @returns why, in words for a person; null when it may be written
 */
export function whyNeverWritten(file: string): string | null {
  for (let folder = path.dirname(file); ; folder = path.dirname(folder)) {
    if (existsSync(path.join(folder, 'library.sqlite'))) return 'a part of a library';
    if (folder === path.dirname(folder)) break;
  }
  const [first] = path.relative(followLinks(homedir()), file).split(path.sep);
  const isHidden = first !== '..' && /^\.[^.]/.test(first ?? '');
  return isHidden || first === 'AppData' ? 'a hidden file of your home folder' : null;
}

/** Where a write would end: every link on the way followed, also one to a file that is not there yet. */
export function followLinks(file: string, left = mostLinks): string {
  try {
    return realpathSync(file);
  } catch {
    const folder = path.dirname(file);
    if (folder === file || left === 0) return file;
    const real = path.join(followLinks(folder, left - 1), path.basename(file));
    const isLink = lstatSync(real, { throwIfNoEntry: false })?.isSymbolicLink() === true;
    return isLink ? followLinks(path.resolve(path.dirname(real), readlinkSync(real)), left - 1) : real;
  }
}

function isInsideAny(file: string, folders: readonly (string | null)[]): boolean {
  return folders.some((folder) => {
    if (folder === null) return false;
    const relative = path.relative(followLinks(folder), file);
    return (
      relative === '' ||
      !(relative === '..' || relative.startsWith(`..${path.sep}`) || path.isAbsolute(relative))
    );
  });
}

/** Something that is there and is neither a file nor a folder, and everything in the folders of the kernel. */
function isDevice(file: string): boolean {
  const stats = lstatSync(file, { throwIfNoEntry: false });
  if (stats !== undefined && !stats.isFile() && !stats.isDirectory()) return true;
  return process.platform !== 'win32' && /^\/(?:dev|proc|sys)\//.test(file);
}
