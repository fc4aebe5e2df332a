import { open, rename, rm } from 'node:fs/promises';
import { FundusLensError } from '../../contract/errors.ts';
import type { SafetensorsDtype } from './safetensors.ts';

export interface NamedTensor {
  readonly name: string;
  readonly dtype: Extract<SafetensorsDtype, 'F32' | 'I64'>;
  readonly shape: readonly number[];
  /** In as many parts as is convenient; together the tensor's elements in row-major order. */
  readonly parts: readonly (Float32Array | BigInt64Array)[];
}

/**
 * Writes tensors, and what the file says of itself, to a safetensors file: beside the target first, then renamed, so that no half-written file
 * ever carries the name.
 *
 * @throws FundusLensError `output.unwritable` on a full disk, a read-only target or a missing folder
 */
export async function writeSafetensors(
  file: string,
  tensors: readonly NamedTensor[],
  metadata: Readonly<Record<string, string>> | null = null,
): Promise<void> {
  const temporary = `${file}.${process.pid}.part`;
  try {
    const handle = await open(temporary, 'wx');
    try {
      await handle.writeFile(buildHeader(tensors, metadata));
      for (const part of tensors.flatMap((tensor) => tensor.parts)) {
        await handle.writeFile(Buffer.from(part.buffer, part.byteOffset, part.byteLength));
      }
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, file);
  } catch (cause) {
    await rm(temporary, { force: true });
    throw new FundusLensError('output.unwritable', `Cannot write ${file}.`, {
      expected: 'an existing, writable folder with enough free space',
      found: cause instanceof Error ? cause.message : String(cause),
      advice: 'Choose another place, or free some disk space.',
      cause,
    });
  }
}

/** Length and JSON of the header, padded so that the data begins at a multiple of 8 bytes. */
function buildHeader(
  tensors: readonly NamedTensor[],
  metadata: Readonly<Record<string, string>> | null,
): Buffer {
  let offset = 0;
  const entries = tensors.map(({ name, dtype, shape, parts }) => {
    const begin = offset;
    offset += parts.reduce((sum, part) => sum + part.byteLength, 0);
    return [name, { dtype, shape, data_offsets: [begin, offset] }] as const;
  });
  const header = {
    ...(metadata === null ? {} : { __metadata__: metadata }),
    ...Object.fromEntries(entries),
  };
  const json = Buffer.from(JSON.stringify(header), 'utf8');
  // Spaces; the text may hold characters of several bytes.
  const padded = Buffer.concat([json, Buffer.alloc((8 - (json.length % 8)) % 8, ' ')]);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(padded.length));
  return Buffer.concat([length, padded]);
}
