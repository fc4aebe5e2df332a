import { constants } from 'node:fs';
import { access, chmod, mkdtemp, open, rename, rm, stat } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import path from 'node:path';
import { FundusLensError } from '../../contract/errors.ts';
import { followLinks, whyNeverWritten } from './guard-target.ts';

/**
 * A file that appears under its name only when it is whole: written beside the target, flushed to the disk, then
 * renamed. A device such as /dev/stdout is written to directly.
 */
export class OutputFile {
  readonly #target: string;
  readonly #temporary: string | null;
  readonly #handle: FileHandle;

  private constructor(target: string, temporary: string | null, handle: FileHandle) {
    this.#target = target;
    this.#temporary = temporary;
    this.#handle = handle;
  }

  /**
   * Prepares to write, so that a target that cannot be written is known before any long work.
   *
   * @throws FundusLensError `output.unwritable`
   */
  static async open(file: string): Promise<OutputFile> {
    try {
      const { target, isDevice } = await resolveTarget(file);
      const temporary = isDevice ? null : `${target}.${process.pid}.part`;
      return new OutputFile(
        target,
        temporary,
        await open(temporary ?? target, isDevice ? 'w' : 'wx', await modeFor(target)),
      );
    } catch (error) {
      throw explainWriteError(error, file);
    }
  }

  /** Adds text or bytes. @throws FundusLensError `output.unwritable`; {@link discard} must follow */
  async write(data: string | Uint8Array): Promise<void> {
    await this.#handle.writeFile(data).catch((error: unknown) => {
      throw explainWriteError(error, this.#target);
    });
  }

  /** Gives the finished file its name. @throws FundusLensError `output.unwritable`, and nothing is left behind */
  async commit(): Promise<void> {
    try {
      if (this.#temporary !== null) await this.#handle.sync();
      await this.#handle.close();
      if (this.#temporary !== null) await rename(this.#temporary, this.#target);
    } catch (error) {
      await this.discard();
      throw explainWriteError(error, this.#target);
    }
  }

  /** Leaves the target as it was. */
  async discard(): Promise<void> {
    await this.#handle.close().catch(() => undefined);
    if (this.#temporary !== null) await rm(this.#temporary, { force: true });
  }
}

/**
 * Lets another process write a file: it gets a path in a folder of its own beside the target, and what it wrote
 * takes the target's name when the work succeeds. Whatever it leaves behind when it fails or is killed is removed.
 *
 * @throws FundusLensError `output.unwritable`; whatever `work` throws
 */
export async function writeThrough<T>(file: string, work: (temporary: string) => Promise<T>): Promise<T> {
  let folder: string | null = null;
  try {
    const { target, isDevice } = await resolveTarget(file);
    if (isDevice) throw new Error('it is a device and no ordinary file');
    folder = await mkdtemp(path.join(path.dirname(target), '.fundus-lens-'));
    const temporary = path.join(folder, path.basename(target));
    const result = await work(temporary);
    if ((await modeFor(target)) === 0o600) await chmod(temporary, 0o600);
    await rename(temporary, target);
    return result;
  } catch (error) {
    throw error instanceof FundusLensError && error.code !== 'output.unwritable'
      ? error
      : explainWriteError(error, file);
  } finally {
    if (folder !== null) await rm(folder, { recursive: true, force: true });
  }
}

/** Follows links to the file that is meant, and refuses folders and files without write permission. */
async function resolveTarget(file: string): Promise<{ target: string; isDevice: boolean }> {
  const target = followLinks(path.resolve(file));
  const reason = whyNeverWritten(target);
  if (reason !== null) throw new Error(`it is ${reason}`);
  const existing = await stat(target).catch(() => null);
  if (existing === null) return { target, isDevice: false };
  if (existing.isDirectory()) throw new Error('it is a folder');
  await access(target, constants.W_OK);
  return { target, isDevice: !existing.isFile() };
}

/** Rights to ask for of a new file: in a folder that everybody may write to, such as /tmp, and below one, it is for its owner alone. */
async function modeFor(target: string): Promise<number> {
  for (let folder = path.dirname(target); ; folder = path.dirname(folder)) {
    const mode = await stat(folder).then(
      (stats) => stats.mode,
      () => 0,
    );
    if ((mode & 0o002) !== 0) return 0o600;
    if (folder === path.dirname(folder)) return 0o666;
  }
}

function explainWriteError(error: unknown, file: string): FundusLensError {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  const [found, advice] = reasons[code] ?? [
    error instanceof FundusLensError
      ? (error.found ?? error.summary)
      : error instanceof Error
        ? error.message
        : String(error),
    'Choose another place.',
  ];
  return new FundusLensError('output.unwritable', `Cannot write ${file}.`, {
    expected: 'a place that may be written to and has room',
    found,
    advice,
    cause: error,
  });
}

const reasons: Readonly<Partial<Record<string, readonly [found: string, advice: string]>>> = {
  ENOENT: ['its folder does not exist', 'Create the folder first, or check the path.'],
  ENOTDIR: ['part of its path is a file and no folder', 'Check the path.'],
  EACCES: ['no permission to write there', 'Choose a folder of your own.'],
  EPERM: ['no permission to write there', 'Choose a folder of your own.'],
  EROFS: ['the disk is read-only', 'Choose another disk.'],
  ENOSPC: ['the disk is full', 'Free some space, or choose another disk.'],
  EDQUOT: ['the disk quota is used up', 'Free some space, or choose another disk.'],
  EEXIST: ['another run is writing it', 'Wait for that run, or choose another name.'],
};
