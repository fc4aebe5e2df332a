import { createHash } from 'node:crypto';
import {
  closeSync,
  existsSync,
  openSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { z } from 'zod';

/**
 * SQLite keeps no checksums of its pages, so a bit that flips on the disk is noticed only where it breaks a structure.
 * A seal is the hash of the whole file, noted when the last program closes it, with its size and time. It speaks only
 * of a file that nobody has written since; of any other it says nothing.
 */
const sealSchema = z.object({ bytes: z.string(), mtimeNs: z.string(), sha256: z.string() });
type Seal = z.infer<typeof sealSchema>;

/** Larger files are not hashed at every start; `verifyLibrary` and the database's own check are left for them. */
const largestSealed = 512n * 1024n * 1024n;
const chunkBytes = 1024 * 1024;

/** Call after closing; does nothing while another program has the file open. */
export function sealFile(file: string): void {
  try {
    // The last one to close removes the log.
    if (existsSync(`${file}-wal`)) return;
    const before = stamp(file);
    if (BigInt(before.bytes) > largestSealed) return;
    const sha256 = hash(file);
    const after = stamp(file);
    if (before.bytes !== after.bytes || before.mtimeNs !== after.mtimeNs) return;
    writeFileSync(`${sealOf(file)}.new`, JSON.stringify({ ...after, sha256 } satisfies Seal), {
      mode: 0o600,
    });
    renameSync(`${sealOf(file)}.new`, sealOf(file));
  } catch {
    // A seal is a help and no duty: without one the file is opened as ever.
  }
}

/** @returns true when the file has its size and time but not its content, which no program has done */
export function isSealBroken(file: string): boolean {
  const seal = readSeal(file);
  if (seal === null || existsSync(`${file}-wal`)) return false;
  const { bytes, mtimeNs } = stamp(file);
  return bytes === seal.bytes && isSameTime(mtimeNs, seal.mtimeNs) && hash(file) !== seal.sha256;
}

/** Call once the file is open for writing, so that no seal outlives what it spoke of. */
export function breakSeal(file: string): void {
  rmSync(sealOf(file), { force: true });
}

/** To the millisecond, which is what a copy that keeps times keeps. */
function isSameTime(one: string, other: string): boolean {
  return Math.abs(Number(BigInt(one) - BigInt(other))) <= 1_000_000;
}

function readSeal(file: string): Seal | null {
  try {
    return sealSchema.parse(JSON.parse(readFileSync(sealOf(file), 'utf8')));
  } catch {
    return null;
  }
}

function sealOf(file: string): string {
  return `${file}.seal`;
}

function stamp(file: string): Omit<Seal, 'sha256'> {
  const { size, mtimeNs } = statSync(file, { bigint: true });
  return { bytes: String(size), mtimeNs: String(mtimeNs) };
}

function hash(file: string): string {
  const digest = createHash('sha256');
  const buffer = Buffer.allocUnsafe(chunkBytes);
  const descriptor = openSync(file, 'r');
  try {
    for (let read = readSync(descriptor, buffer); read > 0; read = readSync(descriptor, buffer)) {
      digest.update(buffer.subarray(0, read));
    }
  } finally {
    closeSync(descriptor);
  }
  return digest.digest('hex');
}
