import { statfs } from 'node:fs/promises';
import { freemem, totalmem } from 'node:os';
import path from 'node:path';
import { FundusLensError } from '../contract/errors.ts';
import type { Room } from '../contract/models/models.ts';

/** Left free on the disk whatever is added, so that the system and the library go on working. */
const reserveBytes = 64 * 2 ** 20;

/**
 * What this computer has now; a container's limit counts where there is one.
 *
 * @param folder may not exist yet; the disk of its nearest parent is asked
 */
export async function measureRoom(folder: string): Promise<Room> {
  const limit = process.constrainedMemory();
  const total = limit > 0 && limit < totalmem() ? limit : totalmem();
  return {
    diskBytes: await freeDisk(folder),
    memoryFreeBytes: Math.min(process.availableMemory(), freemem(), total),
    memoryTotalBytes: total,
  };
}

/** @throws FundusLensError `model.disk-full` when that many bytes more do not fit */
export async function requireDisk(folder: string, neededBytes: number): Promise<void> {
  const free = await freeDisk(folder);
  if (free === null || free >= neededBytes + reserveBytesFor(neededBytes)) return;
  throw diskFull(
    `${showBytes(neededBytes)} of free space for what is still missing`,
    `${showBytes(free)} free`,
  );
}

export function diskFull(expected: string, found: string, cause?: unknown): FundusLensError {
  return new FundusLensError('model.disk-full', 'The disk of the models has too little space.', {
    expected,
    found,
    advice: 'Free some space, or choose another folder for models in the settings; then resume.',
    ...(cause === undefined ? {} : { cause }),
  });
}

/** Turns "no space left" into words; anything else stays what it is. */
export function asDiskProblem(error: unknown): unknown {
  if (!(error instanceof Error) || !('code' in error)) return error;
  if (error.code === 'ENOSPC' || error.code === 'EDQUOT') {
    return diskFull('space for the next bytes', 'the disk is full', error);
  }
  return error;
}

export function showBytes(bytes: number): string {
  if (bytes >= 1e9) return `${(bytes / 1e9).toFixed(1)} GB`;
  if (bytes >= 1e6) return `${(bytes / 1e6).toFixed(1)} MB`;
  return `${Math.ceil(bytes / 1e3)} kB`;
}

/** A small download needs no large reserve. */
function reserveBytesFor(neededBytes: number): number {
  return Math.min(reserveBytes, neededBytes);
}

async function freeDisk(folder: string): Promise<number | null> {
  for (let place = path.resolve(folder); ; place = path.dirname(place)) {
    try {
      const { bavail, bsize } = await statfs(place);
      return bavail * bsize;
    } catch {
      if (path.dirname(place) === place) return null;
    }
  }
}
