import type { Checkpoint } from '../checkpoint/open-checkpoint.ts';
import { inputWidth } from '../families/shared/model-config.ts';
import { readRows } from '../weights/tensor-reader.ts';

/**
 * Token embeddings as the decoder takes them; no features of an image stand beside them.
 *
 * @returns float32 [tokens, inputWidth]
 */
export function embedTokens(
  { embedding, config: { decoder } }: Pick<Checkpoint, 'embedding' | 'config'>,
  tokenIds: readonly number[],
): Float32Array {
  const { dModel, embeddingScale = 1 } = decoder;
  const rows = scaled(readRows(embedding, tokenIds), embeddingScale);
  const width = inputWidth(decoder);
  if (width === dModel) return rows;
  const wide = new Float32Array(tokenIds.length * width);
  tokenIds.forEach((_, index) =>
    wide.set(rows.subarray(index * dModel, (index + 1) * dModel), index * width),
  );
  return wide;
}

/** @param scale rounded to float32 first, as the reference holds it */
function scaled(rows: Float32Array, scale: number): Float32Array {
  return scale === 1 ? rows : rows.map((value) => value * Math.fround(scale));
}

/**
 * The image's rows as they enter block 0, without what is added later.
 *
 * @param imageEmbeds float32 [cells, inputWidth]
 * @returns float32 [cells, D]
 */
export function firstFeatures(
  { config: { decoder } }: Pick<Checkpoint, 'config'>,
  imageEmbeds: Float32Array,
): Float32Array {
  const { dModel } = decoder;
  const width = inputWidth(decoder);
  if (width === dModel) return imageEmbeds;
  const numCells = imageEmbeds.length / width;
  const first = new Float32Array(numCells * dModel);
  for (let cell = 0; cell < numCells; cell++)
    first.set(imageEmbeds.subarray(cell * width, cell * width + dModel), cell * dModel);
  return first;
}
