import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  rmSync,
  statfsSync,
  statSync,
} from 'node:fs';
import path from 'node:path';
import type { LibraryPaths } from '../../contract/app/library.ts';
import { guarded } from '../database/database.ts';

export function libraryPaths(folder: string): LibraryPaths {
  const root = path.resolve(folder);
  return {
    root,
    database: path.join(root, 'library.sqlite'),
    originals: path.join(root, 'originals'),
    renderings: path.join(root, 'renderings'),
    thumbnails: path.join(root, 'thumbnails'),
    arrays: path.join(root, 'arrays'),
    backups: path.join(root, 'backups'),
    temporary: path.join(root, 'temporary'),
  };
}

/** @throws library.read-only, library.disk-full */
export function createFolders(paths: LibraryPaths): void {
  const { root, originals, renderings, thumbnails, arrays, backups, temporary } = paths;
  guarded(() => {
    for (const folder of [root, originals, renderings, thumbnails, arrays, backups, temporary]) {
      // For the owner alone: names and photographs are nothing for other accounts of the computer.
      mkdirSync(folder, { recursive: true, mode: 0o700 });
    }
  });
}

/** Takes from accounts that are neither owner nor group what they may do in a library that was made without such care. */
export function hideFromOthers({ root }: LibraryPaths): void {
  if (process.platform === 'win32') return;
  try {
    const { mode } = statSync(root);
    if ((mode & 0o007) !== 0) chmodSync(root, mode & 0o770);
  } catch {
    // Whoever does not own the folder cannot change it.
  }
}

const hour = 3_600_000;

/**
 * Removes half-written files and folders that a crash left, unless another process may still be writing them. What
 * cannot be removed stays: nothing in here may keep a library from opening.
 */
export function removeStaleTemporaries(paths: LibraryPaths, now: number): void {
  for (const name of namesIn(paths.temporary)) {
    const file = path.join(paths.temporary, name);
    try {
      // The link itself, never what it leads to.
      if (now - lstatSync(file).mtimeMs > 24 * hour) rmSync(file, { recursive: true, force: true });
    } catch {
      // Another process removed it meanwhile, or its owner is another person.
    }
  }
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

export interface FolderWarning {
  readonly kind: 'network' | 'cloud';
  /** The file system or the service, by its usual name. */
  readonly name: string;
  readonly message: string;
}

/** File systems of other machines, by the magic number that statfs gives on Linux. */
const networkFileSystems: ReadonlyMap<number, string> = new Map([
  [0x6969, 'NFS'],
  [0x517b, 'SMB'],
  [0xff534d42, 'CIFS'],
  [0xfe534d42, 'SMB2'],
  [0x01021997, '9P'],
  [0x5346414f, 'AFS'],
  [0x00c36400, 'Ceph'],
]);

const cloudFolders: readonly (readonly [RegExp, string])[] = [
  [/^OneDrive(?: - .*)?$/i, 'OneDrive'],
  [/^Dropbox(?: \(.*\))?$/i, 'Dropbox'],
  [/^(?:Google ?Drive|My Drive|GoogleDrive-.*)$/i, 'Google Drive'],
  [/^(?:iCloud ?Drive|Mobile Documents|com~apple~CloudDocs)$/i, 'iCloud Drive'],
  [/^(?:Yandex\.?Disk|Яндекс\.?Диск)$/i, 'Yandex Disk'],
  [/^(?:Nextcloud|ownCloud)$/i, 'Nextcloud'],
  [/^(?:Облако Mail\.Ru|Mail\.Ru Cloud)$/i, 'Mail.ru Cloud'],
  [/^(?:MEGA|pCloud Drive|pCloudDrive|Box|Syncthing)$/i, 'a synchronised folder'],
];

/**
 * Says whether a folder is a risky home for a library: SQLite's write-ahead log needs one machine and a real disk,
 * and a synchronising service may copy the file in the middle of a write.
 *
 * @param statfs returns the file system's magic number; replaced in tests
 */
export function warnAboutFolder(
  folder: string,
  statfs: (folder: string) => number = readFileSystemType,
): FolderWarning[] {
  const warnings: FolderWarning[] = [];
  const absolute = path.resolve(folder);
  const share = /^(?:\\\\|\/\/)[^\\/.?]/.test(folder);
  const network = share ? 'a network share' : networkFileSystems.get(statfs(nearestExisting(absolute)));
  if (network !== undefined) {
    warnings.push({
      kind: 'network',
      name: network,
      message: `The library is on ${network}. Keep it on a disk of this computer: a network folder can damage it.`,
    });
  }
  for (const segment of absolute.normalize('NFC').split(/[\\/]/)) {
    const service = cloudFolders.find(([pattern]) => pattern.test(segment))?.[1];
    if (service === undefined) continue;
    warnings.push({
      kind: 'cloud',
      name: service,
      message: `The library is inside ${service}. Synchronisation can damage it and sends images to another company.`,
    });
    break;
  }
  return warnings;
}

function readFileSystemType(folder: string): number {
  try {
    return statfsSync(folder).type;
  } catch {
    return 0;
  }
}

function nearestExisting(folder: string): string {
  let current = folder;
  while (!existsSync(current) && path.dirname(current) !== current) current = path.dirname(current);
  return current;
}
