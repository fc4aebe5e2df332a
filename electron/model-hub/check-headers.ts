import { randomUUID } from 'node:crypto';
import { copyFile, mkdir, open, rm } from 'node:fs/promises';
import path from 'node:path';
import type { CheckpointOutline } from '../contract/models/checkpoint-report.ts';
import { FundusLensError } from '../contract/errors.ts';
import type { ExpectedFile } from './content-hash.ts';
import type { FileSource } from './file-source.ts';
import type { Inspector } from './inspector.ts';
import { retry } from './patience.ts';
import type { FetchRules } from './patience.ts';

/** Most headers are smaller; a larger one takes a second read. */
const firstRead = 64 * 1024;
/** As the format's own reader. */
const largestHeader = 100_000_000;

interface HeaderOptions {
  readonly signal: AbortSignal;
  readonly rules: FetchRules;
  readonly onWait?: (milliseconds: number) => void;
}

type ReadRange = (file: ExpectedFile, from: number, to: number) => Promise<Buffer>;

/**
 * Lets the engine judge a checkpoint before its weights are here: the small files as they are, and of the weights only
 * the headers, at the beginning of files that are as long as the real ones but hold nothing.
 *
 * @param folder holds the small files; a folder inside it is used and removed again
 * @throws FundusLensError `model.*` for whatever cannot be used, and what the source throws
 */
export async function checkHeaders(
  source: FileSource,
  { small, shards }: { readonly small: readonly ExpectedFile[]; readonly shards: readonly ExpectedFile[] },
  folder: string,
  inspector: Inspector,
  { signal, rules, onWait }: HeaderOptions,
): Promise<CheckpointOutline> {
  const read: ReadRange = (file, from, to) =>
    retry(rules, { signal, ...(onWait === undefined ? {} : { onWait }) }, async () => {
      const chunks: Uint8Array[] = [];
      for await (const chunk of source.read(file, { from, to, signal })) chunks.push(chunk);
      return Buffer.concat(chunks);
    });
  const outlineFolder = path.join(folder, `headers-${randomUUID().slice(0, 8)}`);
  await mkdir(outlineFolder);
  try {
    for (const { name } of small) await copyFile(path.join(folder, name), path.join(outlineFolder, name));
    for (const shard of shards) {
      const header = await readHeader(read, shard);
      const handle = await open(path.join(outlineFolder, shard.name), 'w');
      try {
        await handle.write(header);
        await handle.truncate(shard.bytes);
      } finally {
        await handle.close();
      }
    }
    return await inspector.outline(outlineFolder, signal);
  } finally {
    await rm(outlineFolder, { recursive: true, force: true });
  }
}

async function readHeader(read: ReadRange, file: ExpectedFile): Promise<Buffer> {
  const first = await read(file, 0, Math.min(file.bytes, firstRead));
  const length = first.length < 8 ? -1n : first.readBigUInt64LE(0);
  if (length < 2n || length > BigInt(Math.min(largestHeader, file.bytes - 8))) {
    throw new FundusLensError('model.weights-invalid', `${file.name} is not a valid safetensors file.`, {
      expected: `a header of 2…${Math.max(2, file.bytes - 8)} bytes at its beginning`,
      found: first.length < 8 ? `${first.length} bytes in all` : `a stated length of ${length}`,
      advice: 'Choose another revision, or the original checkpoint.',
    });
  }
  const end = 8 + Number(length);
  if (end <= first.length) return first.subarray(0, end);
  return Buffer.concat([first, await read(file, first.length, end)]);
}
