import { mkdir, open, rename, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { FundusLensError } from '../contract/errors.ts';
import { ContentHash, findDifference } from './content-hash.ts';
import type { ContentHashes, ExpectedFile } from './content-hash.ts';
import type { FileSource } from './file-source.ts';
import { Patience } from './patience.ts';
import type { FetchRules } from './patience.ts';
import { asDiskProblem } from './room.ts';

export interface FetchHooks {
  readonly signal: AbortSignal;
  /** Bytes more than before; negative when some turned out to be wrong. */
  readonly onBytes?: (change: number) => void;
  /** We wait before the next try; 0 when it is over. */
  readonly onWait?: (milliseconds: number) => void;
}

/** Name of a file that is not complete. */
export function partOf(file: string): string {
  return `${file}.part`;
}

/** Bytes of a file that are on the disk already, verified or not. */
export async function presentBytes(folder: string, { name, bytes }: ExpectedFile): Promise<number> {
  const target = path.join(folder, name);
  const whole = await stat(target).catch(() => null);
  if (whole?.size === bytes) return bytes;
  const part = await stat(partOf(target)).catch(() => null);
  return Math.min(part?.size ?? 0, bytes);
}

/**
 * Brings one file into a folder: goes on where an earlier try stopped, tries again after failures that pass, and gives
 * the file its name only when size and hash are right. A file that is wrong twice is thrown away and told.
 *
 * @returns the hashes of what is on the disk now
 * @throws FundusLensError `model.hash-mismatch`, `model.disk-full`, `hub.*`
 */
export async function fetchFile(
  source: Pick<FileSource, 'read'>,
  file: ExpectedFile,
  folder: string,
  hooks: FetchHooks,
  rules: FetchRules,
): Promise<ContentHashes> {
  const target = path.join(folder, file.name);
  await mkdir(path.dirname(target), { recursive: true });
  const finished = await verifyExisting(target, file, hooks);
  if (finished !== null) return finished;
  for (let isSecondTry = false; ; isSecondTry = true) {
    const { hashes, bytes } = await fetchPart(source, file, partOf(target), hooks, rules);
    const difference = findDifference(file, bytes, hashes);
    if (difference === null) {
      await rename(partOf(target), target);
      return hashes;
    }
    // Either way these bytes are of no use: bits flip on the way, and on disks.
    await rm(partOf(target), { force: true });
    hooks.onBytes?.(-bytes);
    if (!isSecondTry) continue;
    throw new FundusLensError('model.hash-mismatch', `${file.name} is not what its publisher says it is.`, {
      ...difference,
      advice:
        'It was thrown away. Resume to fetch it anew; if it happens again, the hub or the disk is damaged.',
    });
  }
}

/** A file that an earlier try finished counts only when its content is still right. */
async function verifyExisting(
  target: string,
  file: ExpectedFile,
  { signal, onBytes }: FetchHooks,
): Promise<ContentHashes | null> {
  const known = await stat(target).catch(() => null);
  if (known === null) return null;
  const hash = new ContentHash(file);
  if (known.size === file.bytes) await hash.updateFromFile(target, file.bytes, signal);
  const hashes = hash.end();
  if (findDifference(file, known.size, hashes) === null) {
    onBytes?.(file.bytes);
    return hashes;
  }
  await rm(target);
  return null;
}

async function fetchPart(
  source: Pick<FileSource, 'read'>,
  file: ExpectedFile,
  part: string,
  hooks: FetchHooks,
  rules: FetchRules,
): Promise<{ hashes: ContentHashes; bytes: number }> {
  const { signal, onBytes } = hooks;
  const kept = await keptBytes(part, file.bytes);
  const hash = new ContentHash(file);
  await hash.updateFromFile(part, kept, signal);
  onBytes?.(kept);
  const handle = await open(part, kept === 0 ? 'w' : 'r+');
  try {
    const patience = new Patience(rules, hooks);
    while (hash.bytes < file.bytes) {
      const before = hash.bytes;
      try {
        for await (const chunk of source.read(file, { from: before, signal })) {
          signal.throwIfAborted();
          await writeAll(handle, chunk, hash.bytes);
          hash.update(chunk);
          onBytes?.(chunk.length);
        }
      } catch (error) {
        await patience.after(error, hash.bytes > before);
      }
    }
    await handle.sync();
  } catch (error) {
    throw asDiskProblem(error);
  } finally {
    // What has arrived is kept; a disk that is full may refuse even this.
    await handle.close().catch(() => undefined);
  }
  return { hashes: hash.end(), bytes: hash.bytes };
}

/** A part that is longer than the whole is of another file. */
async function keptBytes(part: string, bytes: number): Promise<number> {
  const known = await stat(part).catch(() => null);
  if (known === null) return 0;
  if (known.size <= bytes) return known.size;
  await rm(part);
  return 0;
}

async function writeAll(
  handle: Awaited<ReturnType<typeof open>>,
  chunk: Uint8Array,
  position: number,
): Promise<void> {
  for (let written = 0; written < chunk.length;) {
    const { bytesWritten } = await handle.write(chunk, written, chunk.length - written, position + written);
    written += bytesWritten;
  }
}
