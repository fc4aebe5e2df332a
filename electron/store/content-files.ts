import { randomUUID } from 'node:crypto';
import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { mkdir, open, rename, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { FundusLensError } from '../contract/errors.ts';
import type { LibraryPaths } from '../contract/app/library.ts';
import { explainDatabaseError } from './database/database-errors.ts';

/**
 * Writes files of the library so that each is there whole or not at all: written beside, flushed, renamed.
 * Names come from content hashes; a file that exists already is left alone.
 */
export class ContentFiles {
  readonly #paths: LibraryPaths;

  constructor(paths: LibraryPaths) {
    this.#paths = paths;
  }

  /** @param relativePath with forward slashes, inside the library folder */
  resolve(relativePath: string): string {
    const absolute = path.resolve(this.#paths.root, ...relativePath.split('/'));
    if (!absolute.startsWith(this.#paths.root + path.sep)) {
      throw new RangeError('a library file must lie in the library folder');
    }
    return absolute;
  }

  /**
   * @throws library.disk-full, library.read-only, library.unavailable when the library was moved meanwhile
   */
  async write(relativePath: string, data: Uint8Array): Promise<void> {
    const target = this.resolve(relativePath);
    if ((await sizeOf(target)) === data.byteLength) return;
    const temporary = path.join(this.#paths.temporary, randomUUID());
    try {
      this.#refuseWhenMoved();
      await mkdir(path.dirname(target), { recursive: true, mode: 0o700 });
      const handle = await open(temporary, 'wx', 0o600);
      try {
        await handle.writeFile(data);
        await handle.sync();
      } finally {
        await handle.close();
      }
      await rename(temporary, target);
      flushFolder(path.dirname(target));
    } catch (error) {
      await rm(temporary, { force: true });
      throw explainDatabaseError(error);
    }
  }

  /** Folders that are made as they are needed would be the beginning of a second library at the old place. */
  #refuseWhenMoved(): void {
    if (!existsSync(this.#paths.database)) throw movedAway();
  }

  /** The synchronous twin of {@link write}, for files that belong to a transaction. */
  writeNow(relativePath: string, data: Uint8Array): void {
    const target = this.resolve(relativePath);
    if (existsSync(target)) return;
    const temporary = path.join(this.#paths.temporary, randomUUID());
    try {
      this.#refuseWhenMoved();
      mkdirSync(path.dirname(target), { recursive: true, mode: 0o700 });
      const descriptor = openSync(temporary, 'wx', 0o600);
      try {
        for (let written = 0; written < data.byteLength;) {
          written += writeSync(descriptor, data, written);
        }
        fsyncSync(descriptor);
      } finally {
        closeSync(descriptor);
      }
      renameSync(temporary, target);
      flushFolder(path.dirname(target));
    } catch (error) {
      rmSync(temporary, { force: true });
      throw explainDatabaseError(error);
    }
  }
}

function movedAway(): FundusLensError {
  return new FundusLensError('library.unavailable', 'The library is no longer where it was opened.', {
    expected: 'its folder, with library.sqlite in it, at its place until the program ends',
    found: 'a folder that was moved or renamed, or a disk that was taken out',
    advice: 'put the folder back, or close the program and open the library at its new place',
  });
}

/** Makes a rename durable; Windows has no such call and needs none. */
export function flushFolder(folder: string): void {
  if (process.platform === 'win32') return;
  const descriptor = openSync(folder, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

async function sizeOf(file: string): Promise<number | null> {
  try {
    return (await stat(file)).size;
  } catch {
    return null;
  }
}
