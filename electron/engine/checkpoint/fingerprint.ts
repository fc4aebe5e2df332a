import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import path from 'node:path';
import { preparedFiles } from '../../contract/models/prepared-model.ts';

export interface FileFingerprint {
  readonly name: string;
  readonly bytes: number;
  readonly sha256: string;
}

export interface CheckpointFingerprint {
  /** SHA-256 over the lines `<sha256>  <name>\n` of all files, sorted by name. */
  readonly sha256: string;
  readonly files: readonly FileFingerprint[];
}

/** Files whose content decides a trace. */
const decisive =
  /^(config|generation_config|preprocessor_config|processor_config|tokenizer|tokenizer_config|chat_template)\.json$|^chat_template\.jinja$|^.*\.safetensors$|^model\.safetensors\.index\.json$|^weights\.bin$|^prepared\.json$/;

/** Whether a hashed file holds weights, or their places. */
export function isWeightsFile(name: string): boolean {
  return /\.safetensors$|^model\.safetensors\.index\.json$|^weights\.bin$|^prepared\.json$/.test(name);
}

/**
 * Hashes every file of a checkpoint that can change its numbers.
 *
 * @param onProgress called with bytes read so far and bytes in all
 * @throws whatever the file system or the signal throws
 */
export async function fingerprintCheckpoint(
  folder: string,
  options: {
    readonly signal?: AbortSignal;
    readonly onProgress?: (done: number, total: number) => void;
  } = {},
): Promise<CheckpointFingerprint> {
  const names = readdirSync(folder)
    .filter((name) => decisive.test(name))
    .sort();
  const sizes = await Promise.all(names.map(async (name) => (await stat(path.join(folder, name))).size));
  const total = sizes.reduce((sum, size) => sum + size, 0);
  let done = 0;
  // One buffer for all: chunks allocated one by one are collected too late.
  const buffer = Buffer.alloc(1 << 22);
  const files: FileFingerprint[] = [];
  for (const [index, name] of names.entries()) {
    const hash = createHash('sha256');
    const handle = await open(path.join(folder, name), 'r');
    try {
      for (;;) {
        options.signal?.throwIfAborted();
        const { bytesRead } = await handle.read(buffer, 0, buffer.length);
        if (bytesRead === 0) break;
        hash.update(buffer.subarray(0, bytesRead));
        options.onProgress?.((done += bytesRead), total);
      }
    } finally {
      await handle.close();
    }
    const sha256 = name === preparedFiles.manifest ? hashManifest(folder) : hash.digest('hex');
    files.push({ name, bytes: sizes[index]!, sha256 });
  }
  const list = files.map(({ name, sha256 }) => `${sha256}  ${name}\n`).join('');
  return { sha256: createHash('sha256').update(list).digest('hex'), files };
}

/** Over what decides a trace: not over the source's folder or name. */
function hashManifest(folder: string): string {
  const json = JSON.parse(readFileSync(path.join(folder, preparedFiles.manifest), 'utf8')) as Record<
    string,
    unknown
  >;
  const { id, tensors } = json;
  return createHash('sha256').update(JSON.stringify({ id, tensors })).digest('hex');
}
