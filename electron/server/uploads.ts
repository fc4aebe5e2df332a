import { randomUUID } from 'node:crypto';
import { createWriteStream, existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, utimes } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { dirname, join } from 'node:path';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { limits } from '../contract/limits.ts';

const { fileBytes: largestFile, drops: mostDrops, idle } = limits.uploads;
/** Milliseconds; what is a day old in the temporary folder of a library counts as left by a crash. */
const signOfLife = 3_600_000;

export interface UploadAnswer {
  readonly status: 201 | 204 | 400 | 404 | 413 | 429 | 503 | 507;
  readonly body: Readonly<Record<string, string>> | null;
}

/**
 * What a browser drops has no path that the import could read, so its files are first written to a temporary folder:
 * `POST /uploads` makes one, `PUT /uploads/ID/RELATIVE/NAME` streams a file into it, the contract's import is given
 * the folder, and `DELETE /uploads/ID` removes it. What is left goes when the server ends.
 */
export interface Uploads {
  handle(request: IncomingMessage, target: string): Promise<UploadAnswer>;
  close(): Promise<void>;
}

/** @param now milliseconds; replaced in tests */
export async function openUploads(temporaryFolder: string, { now = Date.now } = {}): Promise<Uploads> {
  await mkdir(temporaryFolder, { recursive: true });
  const root = await mkdtemp(join(temporaryFolder, 'fundus-lens-drop-'));
  /** When each was last used, the longest unused first. */
  const drops = new Map<string, number>();
  const use = (id: string) => {
    drops.delete(id);
    drops.set(id, now());
  };
  const makeRoom = async () => {
    const [oldest] = drops;
    if (drops.size < mostDrops || oldest === undefined || now() - oldest[1] < idle) return;
    drops.delete(oldest[0]);
    await rm(join(root, oldest[0]), { recursive: true, force: true });
  };
  const timer = setInterval(() => void touch(root), signOfLife).unref();

  const handle = async (request: IncomingMessage, target: string): Promise<UploadAnswer> => {
    const [, , id, ...encoded] = target.split('?', 1)[0]!.split('/');
    if (id === undefined && request.method === 'POST') {
      await makeRoom();
      if (drops.size >= mostDrops) return { status: 429, body: null };
      const made = randomUUID();
      const folder = join(root, made);
      // A folder made anew would be the beginning of a second library where this one was before it was moved.
      if (!existsSync(dirname(temporaryFolder))) return { status: 503, body: null };
      // With its parents: while this computer slept, another process may have taken the whole for a crash's.
      await mkdir(folder, { recursive: true });
      use(made);
      return { status: 201, body: { id: made, folder } };
    }
    if (id === undefined || !drops.has(id)) return { status: 404, body: null };
    if (encoded.length === 0 && request.method === 'DELETE') {
      drops.delete(id);
      await rm(join(root, id), { recursive: true, force: true });
      return { status: 204, body: null };
    }
    use(id);
    const names = readNames(encoded);
    if (request.method !== 'PUT' || names === null) return { status: 400, body: null };
    return store(request, join(root, id, ...names));
  };
  const close = () => {
    clearInterval(timer);
    return rm(root, { recursive: true, force: true });
  };
  return { handle, close };
}

async function touch(folder: string): Promise<void> {
  const now = new Date();
  await utimes(folder, now, now).catch(() => {
    // Removed by somebody; the next drop makes it again.
  });
}

/** Folder and file names of a path inside a drop; null when one of them could lead elsewhere. */
function readNames(encoded: readonly string[]): string[] | null {
  try {
    const names = encoded.map((part) => decodeURIComponent(part));
    return names.length > 0 && names.length <= 32 && names.every(isPlainName) ? names : null;
  } catch {
    return null;
  }
}

function isPlainName(name: string): boolean {
  return (
    name !== '' &&
    name !== '.' &&
    name !== '..' &&
    Buffer.byteLength(name) <= 255 &&
    // eslint-disable-next-line no-control-regex -- control characters are what is looked for
    !/[/\\:\u0000-\u001f]/.test(name)
  );
}

async function store(request: IncomingMessage, path: string): Promise<UploadAnswer> {
  let bytes = 0;
  const limit = new Transform({
    transform: (chunk: Buffer, _encoding, done) => {
      bytes += chunk.byteLength;
      done(bytes > largestFile ? new RangeError('too large') : null, chunk);
    },
  });
  try {
    await mkdir(dirname(path), { recursive: true });
    await pipeline(request, limit, createWriteStream(path, { flags: 'wx' }));
    return { status: 201, body: null };
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'EEXIST') return { status: 400, body: null };
    await rm(path, { force: true });
    if (bytes > largestFile) return { status: 413, body: null };
    if (code === 'ENOSPC' || code === 'EDQUOT') return { status: 507, body: null };
    throw error;
  }
}
