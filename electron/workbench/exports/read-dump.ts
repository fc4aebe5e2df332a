import { open } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { z } from 'zod';

const tensorSchema = z.object({
  dtype: z.literal('F32'),
  shape: z.tuple([z.int().positive(), z.int().positive(), z.int().positive()]),
  data_offsets: z.tuple([z.int().nonnegative(), z.int().nonnegative()]),
});

export interface StreamRows {
  /** float32 [layers, positions, D], pre-norm. */
  readonly values: Float32Array;
  readonly shape: readonly [layers: number, positions: number, dModel: number];
}

/**
 * Reads rows of the residual stream out of an engine's dump, without the rest.
 *
 * @param file      safetensors with `residual_stream` [L + 1, T, D]
 * @param layers    0…L
 * @param positions 0…T − 1
 * @throws RangeError when a layer or position is outside
 */
export async function readResidualRows(
  file: string,
  layers: readonly number[],
  positions: readonly number[],
): Promise<StreamRows> {
  const handle = await open(file, 'r');
  try {
    const headerLength = Number((await readBytes(handle, 0, 8)).readBigUInt64LE());
    const header = JSON.parse((await readBytes(handle, 8, headerLength)).toString('utf8')) as Record<
      string,
      unknown
    >;
    const { shape, data_offsets } = tensorSchema.parse(header['residual_stream']);
    const [numLayers, length, dModel] = shape;
    const start = 8 + headerLength + data_offsets[0];
    const values = new Float32Array(layers.length * positions.length * dModel);
    let row = 0;
    for (const layer of layers) {
      for (const position of positions) {
        if (layer >= numLayers || position >= length) {
          throw new RangeError(`layer ${layer}, position ${position} is outside [${numLayers}, ${length}]`);
        }
        const bytes = await readBytes(handle, start + 4 * (layer * length + position) * dModel, 4 * dModel);
        for (let d = 0; d < dModel; d++) values[row * dModel + d] = bytes.readFloatLE(4 * d);
        row += 1;
      }
    }
    return { values, shape: [layers.length, positions.length, dModel] };
  } finally {
    await handle.close();
  }
}

async function readBytes(handle: FileHandle, position: number, length: number): Promise<Buffer> {
  const buffer = Buffer.alloc(length);
  const { bytesRead } = await handle.read(buffer, 0, length, position);
  if (bytesRead !== length) throw new RangeError('the dump is cut short');
  return buffer;
}
