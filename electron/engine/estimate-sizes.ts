import type { SizeEstimate } from '../common/size-estimate.ts';
import { weightFormats } from '../common/prepared-model.ts';
import type { WeightFormat } from '../common/prepared-model.ts';
import type { Checkpoint } from './checkpoint/open-checkpoint.ts';
import { bytesPerElement } from './checkpoint/safetensors.ts';
import { lensChunkBytes } from './lens/read-lens.ts';

/** Runtime, pixels, caches and what else does not grow with the weights. */
const fixedBytes = 512 * 2 ** 20;

/**
 * Bytes of one weight; integer formats with a float32 scale and a zero point of the weight's own width for every 32 of
 * them, as `prepare` writes them by default.
 */
const bytesPerWeight: Readonly<Record<WeightFormat, number>> = {
  float16: 2,
  int8: 1 + 4 / 32 + 1 / 32,
  int4: 0.5 + 4 / 32 + 0.5 / 32,
};

/** What a checkpoint needs as it is stored and in every format that it can be prepared in, by its headers alone. */
export function estimateSizes({ weights, embedding, unembedding }: Checkpoint): SizeEstimate[] {
  const tensors = [...weights];
  const elements = tensors.reduce((sum, view) => sum + view.byteLength / bytesPerElement[view.dtype], 0);
  const diskBytes = tensors.reduce((sum, view) => sum + view.byteLength, 0);
  const isSensitive = (name: string) =>
    name === embedding.name || name === unembedding || name.startsWith('visual.');
  const prepared = weightFormats.map((format): SizeEstimate => {
    const bytes = tensors.reduce((sum, { name, shape, dtype, byteLength }) => {
      if (shape.length < 2) return sum + byteLength;
      const kept = format === 'int4' && isSensitive(name) ? 'int8' : format;
      return sum + (byteLength / bytesPerElement[dtype]) * bytesPerWeight[kept];
    }, 0);
    return {
      format,
      diskBytes: Math.ceil(bytes),
      memoryBytes: Math.ceil(bytes) + lensChunkBytes + fixedBytes,
    };
  });
  return [
    { format: 'as-stored', diskBytes, memoryBytes: 4 * elements + lensChunkBytes + fixedBytes },
    ...prepared,
  ];
}
