import { existsSync } from 'node:fs';
import { readFile, realpath, stat } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { FundusLensError } from '../../contract/errors.ts';
import {
  preparedFiles,
  preparedManifestSchema,
  type PreparedManifest,
} from '../../contract/models/prepared-model.ts';
import type { ByteRange } from '../weights/block-format.ts';
import type { TensorView } from '../weights/safetensors.ts';

export function isPreparedFolder(folder: string): boolean {
  return existsSync(path.join(folder, preparedFiles.manifest));
}

/** @throws FundusLensError `model.weights-invalid` when prepared.json is damaged, `model.weights-truncated` when a file is short */
export async function readPreparedManifest(folder: string): Promise<PreparedManifest> {
  const file = path.join(folder, preparedFiles.manifest);
  const parsed = preparedManifestSchema.safeParse(parse(await readFile(file, 'utf8')));
  if (!parsed.success) {
    throw new FundusLensError('model.weights-invalid', `${file} does not describe a prepared model.`, {
      expected: 'the file that preparing wrote',
      found: z.prettifyError(parsed.error),
      advice: 'Prepare the model again.',
    });
  }
  for (const { name, bytes } of parsed.data.files) {
    const found = await stat(path.join(folder, name)).catch(() => null);
    if (found?.size === bytes) continue;
    throw new FundusLensError(
      'model.weights-truncated',
      `${path.join(folder, name)} is not as it was prepared.`,
      {
        expected: `${bytes} bytes`,
        found: found === null ? 'no such file' : `${found.size} bytes`,
        advice: 'Prepare the model again.',
      },
    );
  }
  return parsed.data;
}

const dtypes = { float32: 'F32', float16: 'F16', bfloat16: 'BF16', int8: 'U8', int4: 'U8' } as const;

/** Every tensor of a prepared folder, by canonical name. */
export async function readPreparedTensors(
  folder: string,
  { tensors }: PreparedManifest,
): Promise<Map<string, TensorView>> {
  const file = await realpath(path.join(folder, preparedFiles.weights));
  return new Map(
    tensors.map(({ name, shape, format, data, blockSize, scales, zeroPoints }) => {
      const view = { name, dtype: dtypes[format], shape, file, offset: data.offset, byteLength: data.bytes };
      if (blockSize === null || scales === null) return [name, view];
      const bits = format === 'int4' ? 4 : 8;
      return [
        name,
        {
          ...view,
          blocks: { bits, blockSize, scales: toRange(scales), zeroPoints: zeroPoints && toRange(zeroPoints) },
        },
      ];
    }),
  );
}

function toRange({ offset, bytes }: { readonly offset: number; readonly bytes: number }): ByteRange {
  return { offset, byteLength: bytes };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
