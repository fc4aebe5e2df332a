import { createReadStream } from 'node:fs';
import { readdir, realpath, stat } from 'node:fs/promises';
import path from 'node:path';
import { FundusLensError } from '../contract/errors.ts';
import type { ModelOrigin } from '../contract/models/models.ts';
import type { ExpectedFile } from './content-hash.ts';
import type { FileSource } from './file-source.ts';

/**
 * A folder of this computer as a source to copy from. The cache of Python's huggingface_hub names its files by their
 * hash, which the copy must have then.
 *
 * @throws FundusLensError `model.not-found` when the folder cannot be read
 */
export async function openLocalSource(
  origin: Extract<ModelOrigin, { kind: 'folder' | 'cache' }>,
): Promise<FileSource> {
  const folder = path.resolve(origin.folder);
  const entries = await readdir(folder).catch((cause: unknown) => {
    throw new FundusLensError('model.not-found', `The folder ${folder} cannot be read.`, {
      expected: 'a folder with config.json, *.safetensors and tokenizer.json',
      found: cause instanceof Error ? cause.message : String(cause),
      advice: 'Choose the folder of the checkpoint.',
      cause,
    });
  });
  const files = await Promise.all(entries.map((name) => describe(folder, name)));
  return {
    origin,
    files: files.filter((file) => file !== null),
    read: (file, { from, to = file.bytes, signal }) =>
      to <= from
        ? nothing()
        : (createReadStream(path.join(folder, file.name), {
            start: from,
            end: to - 1,
            highWaterMark: 1 << 20,
            signal,
          }) as AsyncIterable<Uint8Array>),
  };
}

/** null for what is no file, or a link to nowhere. */
async function describe(folder: string, name: string): Promise<ExpectedFile | null> {
  const file = path.join(folder, name);
  const known = await stat(file).catch(() => null);
  if (known?.isFile() !== true) return null;
  return { name, bytes: known.size, ...hashesOfBlob(await realpath(file)) };
}

/** What the name of a file in `blobs/` promises of its content. */
export function hashesOfBlob(file: string): Pick<ExpectedFile, 'sha256' | 'gitSha1'> {
  const name = path.basename(file);
  const isBlob = path.basename(path.dirname(file)) === 'blobs';
  return {
    sha256: isBlob && /^[0-9a-f]{64}$/.test(name) ? name : null,
    gitSha1: isBlob && /^[0-9a-f]{40}$/.test(name) ? name : null,
  };
}

async function* nothing(): AsyncGenerator<Uint8Array> {
  // an empty file
}
