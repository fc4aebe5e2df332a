import type { Model } from '../model.ts';
import type { PrefixInput } from './image-prefix.ts';
import { prefixLength } from './image-prefix.ts';
import type { PrefixMemory } from './prefix-memory.ts';

/** More images than this gain nothing, and one of them being cancelled or failing wastes more. */
const mostImages = 8;
/** Device bytes that the activations of one pass may take beside the weights. */
const activationBytes = 512 * 2 ** 20;
const bytesPerNumber = 4;

/**
 * How many images of one grid go through vision tower and decoder together.
 *
 * On the cpu one at a time. A matrix product over many rows keeps all cores busy already: on a 0.4-billion-parameter
 * checkpoint with 289 image tokens four together took 6 % less processor time, and only an image of a few dozen tokens
 * gains (the demonstration checkpoint 30 % by four). For that a small product sums in another order, and numbers differ
 * by up to 2e-6 from those of the image alone; on the cpu equal requests give equal numbers, bit for bit.
 * A device has more cores than one image's rows fill, and reads its weights once for all.
 *
 * @param positions that are read of every image's prefix
 * @returns 1 or more
 */
export function chooseBatchSize(
  model: Model,
  memory: PrefixMemory,
  input: PrefixInput,
  positions: number,
): number {
  if (memory.batchSize !== null) return memory.batchSize;
  const { provider, fusedAttention } = model.provider;
  if (provider === 'cpu') return 1;
  const { decoder, vision } = model.checkpoint.config;
  const length = prefixLength(input.prompt);
  const numPatches = input.image.grid[1] * input.image.grid[2];
  // Gate, up and product of an MLP; attention that is written out also holds its scores and their softmax.
  const scores = (heads: number, rows: number) => (fusedAttention ? 0 : 2 * heads * rows ** 2);
  const activations = Math.max(
    3 * length * decoder.dMlp + scores(decoder.numHeads, length),
    3 * numPatches * vision.dMlp + scores(1, numPatches),
  );
  const kept =
    length * 2 * decoder.numLayers * decoder.numKeyValueHeads * decoder.headDim +
    (input.prompt.cells[0] * input.prompt.cells[1] + positions * (decoder.numLayers + 1)) * decoder.dModel;
  return Math.max(
    1,
    Math.min(
      mostImages,
      Math.floor(activationBytes / bytesPerNumber / activations),
      Math.floor(memory.maxBytes / bytesPerNumber / kept),
    ),
  );
}
