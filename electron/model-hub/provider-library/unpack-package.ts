import { createReadStream } from 'node:fs';
import { open, rm } from 'node:fs/promises';
import path from 'node:path';
import type { Readable } from 'node:stream';
import { crc32 } from 'node:zlib';
import { createHash } from 'node:crypto';
import { openPromise } from 'yauzl';
import type { Entry, ZipFile } from 'yauzl';
import { FundusLensError } from '../../contract/errors.ts';
import { asDiskProblem, requireDisk } from '../room.ts';

/** What is unpacked of a package, and from which one it must be. */
export interface UnpackOrder {
  readonly id: string;
  readonly version: string;
  /** Folder in the package, with a slash at its end. */
  readonly folder: string;
  readonly files: readonly string[];
}

export interface UnpackedFile {
  readonly name: string;
  readonly bytes: number;
  readonly sha256: string;
}

interface UnpackHooks {
  readonly signal: AbortSignal;
  readonly onBytes: (done: number, total: number) => void;
}

/** Ending of a file that has not its name yet. */
export const unpackedEnding = '.unpacked';
/** A description of a package is a page of text. */
const longestDescription = 1_000_000;

/**
 * Unpacks some files of a NuGet package, a zip file, beside their final place; each has the ending
 * {@link unpackedEnding} and is on the disk for certain. When anything is wrong nothing is left.
 *
 * @throws FundusLensError `provider.package` for a damaged package or one of something else, `model.disk-full`
 */
export async function unpackPackage(
  file: string,
  order: UnpackOrder,
  target: string,
  { signal, onBytes }: UnpackHooks,
): Promise<UnpackedFile[]> {
  const zip = await openZip(file);
  const placed: string[] = [];
  try {
    const entries = await findEntries(zip, file, order);
    const total = entries.reduce((sum, { uncompressedSize }) => sum + uncompressedSize, 0);
    await requireDisk(target, total);
    const unpacked: UnpackedFile[] = [];
    let done = 0;
    for (const [index, entry] of entries.entries()) {
      const name = order.files[index]!;
      const place = path.join(target, `${name}${unpackedEnding}`);
      placed.push(place);
      const stream = await zip.openReadStreamPromise(entry);
      const sha256 = await writeEntry(stream, entry, place, signal, (bytes) => {
        done += bytes;
        onBytes(done, total);
      });
      unpacked.push({ name, bytes: entry.uncompressedSize, sha256 });
    }
    return unpacked;
  } catch (error) {
    for (const place of placed) await rm(place, { force: true });
    signal.throwIfAborted();
    const known = asDiskProblem(error);
    if (known instanceof FundusLensError || isSystemError(known)) throw known;
    throw damaged(file, error instanceof Error ? error.message : String(error), error);
  } finally {
    zip.close();
  }
}

/** Hexadecimal SHA-512 of a whole file. */
export async function hashPackage(file: string, signal: AbortSignal): Promise<string> {
  const hash = createHash('sha512');
  for await (const chunk of createReadStream(file, { highWaterMark: 1 << 20, signal })) {
    hash.update(chunk as Buffer);
  }
  return hash.digest('hex');
}

async function openZip(file: string): Promise<ZipFile> {
  try {
    return await openPromise(file, { autoClose: false });
  } catch (error) {
    if (isSystemError(error)) throw error;
    throw damaged(file, error instanceof Error ? error.message : String(error), error);
  }
}

/** The entries of the wanted files, in their order, when the package is the right one. */
async function findEntries(zip: ZipFile, file: string, order: UnpackOrder): Promise<Entry[]> {
  const entries = new Map<string, Entry>();
  for await (const entry of zip.eachEntry()) entries.set(entry.fileName, entry);
  const description = [...entries.values()].find(({ fileName }) => /^[^/]+\.nuspec$/i.test(fileName));
  const text = description === undefined ? '' : await readText(zip, description);
  const [id, version] = ['id', 'version'].map(
    (tag) => new RegExp(`<${tag}>\\s*([^<]+?)\\s*</${tag}>`, 'i').exec(text)?.[1] ?? 'nothing',
  ) as [string, string];
  if (id.toLowerCase() !== order.id.toLowerCase() || version !== order.version) {
    throw new FundusLensError('provider.package', `${path.basename(file)} is another package.`, {
      expected: `${order.id} ${order.version}`,
      found: `${id} ${version}`,
      advice: 'Take the package of exactly this version; a library of another one cannot be loaded.',
    });
  }
  return order.files.map((name) => {
    const entry = entries.get(`${order.folder}${name}`);
    if (entry !== undefined) return entry;
    throw damaged(file, `no ${order.folder}${name} in it`);
  });
}

async function readText(zip: ZipFile, entry: Entry): Promise<string> {
  if (entry.uncompressedSize > longestDescription) return '';
  const chunks: Buffer[] = [];
  for await (const chunk of await zip.openReadStreamPromise(entry)) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}

/** @returns SHA-256 of what was written */
async function writeEntry(
  stream: Readable,
  entry: Entry,
  place: string,
  signal: AbortSignal,
  onBytes: (bytes: number) => void,
): Promise<string> {
  const hash = createHash('sha256');
  let checksum = 0;
  const handle = await open(place, 'w', 0o644);
  try {
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      signal.throwIfAborted();
      await handle.writeFile(chunk);
      hash.update(chunk);
      checksum = crc32(chunk, checksum);
      onBytes(chunk.length);
    }
    await handle.sync();
  } finally {
    await handle.close();
  }
  if (checksum !== entry.crc32) throw new Error(`the checksum of ${entry.fileName} is wrong`);
  return hash.digest('hex');
}

function damaged(file: string, found: string, cause?: unknown): FundusLensError {
  return new FundusLensError('provider.package', `${path.basename(file)} is damaged.`, {
    expected: 'a NuGet package, which is a zip file',
    found,
    advice: 'Fetch it anew.',
    ...(cause === undefined ? {} : { cause }),
  });
}

function isSystemError(error: unknown): boolean {
  return error instanceof Error && 'syscall' in error;
}
