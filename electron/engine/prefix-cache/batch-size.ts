import { countPatches, inputWidth } from '../families/shared/model-config.ts';
import { activationBytes, estimateNeeds, typicalSize, type TraceSize } from '../memory/memory-needs.ts';
import { imagePositions } from '../lens-trace/image-tokens.ts';
import { measureMemory } from '../memory/available-memory.ts';
import type { Model } from '../model/model.ts';
import { prefixLength, type PrefixInput } from './image-prefix.ts';
import type { PrefixMemory } from './prefix-memory.ts';

/** Where more images gain nothing any more, and one trace that fails or is cancelled wastes more. */
const mostImages = 8;
const mostSpareBytes = 2 ** 31;
const bytesPerNumber = 4;

/**
 * Device bytes that images which go through the model together may take: what is set aside for one typical image, and half
 * of the free memory of a device that reports it.
 *
 * On the cpu none, so that images go one at a time. A matrix product over many rows keeps all cores busy already: on a
 * checkpoint of 0.4 billion parameters with 289 image tokens four together took 6 % less processor time, and only an image
 * of a few dozen tokens gains (the demonstration checkpoint 30 % by four). For that a small product sums in another order,
 * and numbers differ by up to 2e-6 from those of the image alone; on the cpu equal requests give equal numbers, bit for
 * bit. A device has more cores than the rows of one small image fill, and reads its weights once for all.
 */
export async function measureBatchMemory({ checkpoint, memory, provider }: Model): Promise<number> {
  const { weights, run, staysLoaded } = memory;
  if (!run.onDevice) return 0;
  const { deviceBytes } = await measureMemory(provider.deviceMemoryBytes);
  const needed = estimateNeeds(weights, checkpoint.config, run).deviceBytes;
  const spare = deviceBytes === null || !staysLoaded ? 0 : Math.max(0, deviceBytes - needed);
  return (
    passBytes({ checkpoint, memory }, typicalSize(checkpoint.config)) + Math.min(spare / 2, mostSpareBytes)
  );
}

/**
 * How many images of one grid go through vision tower and decoder together: as many as the device and what may be
 * remembered of them allow.
 *
 * @param numPositions that are read of every image's prefix
 * @returns 1 or more
 */
export function chooseBatchSize(
  model: Pick<Model, 'checkpoint' | 'memory'>,
  memory: PrefixMemory,
  { image, prompt }: PrefixInput,
  numPositions: number,
): number {
  if (memory.batchSize !== null) return memory.batchSize;
  const { decoder, vision } = model.checkpoint.config;
  const { numLayers, numKeyValueHeads, headDim, dModel } = decoder;
  const seqLen = prefixLength(prompt);
  const pass = passBytes(model, { numPatches: countPatches(vision, image.grid), seqLen, numRead: 1 });
  const kept =
    seqLen * 2 * numLayers * numKeyValueHeads * headDim +
    imagePositions(prompt).length * inputWidth(decoder) +
    numPositions * (numLayers + 1) * dModel;
  const fitting = Math.min(memory.batchBytes / pass, memory.maxBytes / bytesPerNumber / kept);
  return Math.max(1, Math.min(mostImages, Math.floor(fitting)));
}

/** Device bytes of one image's pass through vision tower or decoder, whichever takes more. */
function passBytes({ checkpoint, memory }: Pick<Model, 'checkpoint' | 'memory'>, size: TraceSize): number {
  const of = (part: 'vision' | 'decoder') => activationBytes(part, checkpoint.config, memory.run, size);
  return Math.max(of('vision'), of('decoder'));
}
