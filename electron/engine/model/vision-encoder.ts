import type { Model } from './model.ts';
import { layOutPatches, toGraphOrder, toImageOrder, type WindowLayout } from '../families/qwen-shared/vision-layout.ts';
import type { PatchedImage } from '../image/preprocess.ts';
import { float32Data, float32Tensor, int64Tensor, type Tensor, type Tensors } from '../runtime/session.ts';

type Patches = Pick<PatchedImage, 'grid' | 'pixelValues'>;

/**
 * Runs the vision tower on images of one grid, all in one pass.
 *
 * The tower stays in memory; whoever needs no more of it says so with `model.vision.rest()`.
 *
 * @param images at least one, all with the same grid
 * @returns by image, float32 [cells, D]: one row per merged cell, row by row over the image
 */
export async function encodeImages(
  model: Pick<Model, 'checkpoint' | 'vision'>,
  images: readonly Patches[],
): Promise<Float32Array[]> {
  const { vision } = model.checkpoint.config;
  const grid = images[0]!.grid;
  const batch = images.length;
  const layout = layOutPatches(grid, vision);
  const numPatches = grid[1] * grid[2];
  const { cos, sin, halfDim } = layout.rotation;
  const pixels = joinPixels(images, layout.cellOrder);
  const feeds: Record<string, Tensor> = {
    pixel_values: float32Tensor(pixels, [batch * numPatches, pixels.length / batch / numPatches]),
    batch_shape: int64Tensor(BigInt64Array.from([batch, numPatches, vision.width], BigInt), [3]),
    cos: float32Tensor(cos, [numPatches, halfDim]),
    sin: float32Tensor(sin, [numPatches, halfDim]),
    ...(layout.windows === null ? {} : windowFeeds(layout.windows, batch, vision.width)),
  };
  const outputs = await model.vision.run(feeds, ['image_embeds']);
  const embeds = float32Data(outputs['image_embeds']);
  const size = embeds.length / batch;
  return images.map((_, index) =>
    toImageOrder(embeds.subarray(index * size, (index + 1) * size), layout.cellOrder),
  );
}

function joinPixels(images: readonly Patches[], cellOrder: Int32Array): Float32Array {
  const size = images[0]!.pixelValues.length;
  const joined = new Float32Array(images.length * size);
  images.forEach(({ pixelValues }, index) => joined.set(toGraphOrder(pixelValues, cellOrder), index * size));
  return joined;
}

/** The windows of every image, one image after the other. */
function windowFeeds(
  { slots, slotOfPatch, bias, numWindows, windowPatches }: WindowLayout,
  batch: number,
  width: number,
): Tensors {
  const allSlots = new BigInt64Array(batch * slotOfPatch.length);
  const allBias = new Float32Array(batch * bias.length);
  for (let image = 0; image < batch; image++) {
    const first = BigInt(image * slots.length);
    allSlots.set(
      slotOfPatch.map((slot) => slot + first),
      image * slotOfPatch.length,
    );
    allBias.set(bias, image * bias.length);
  }
  return {
    window_slots: int64Tensor(slots, [slots.length]),
    slot_of_patch: int64Tensor(allSlots, [allSlots.length]),
    window_bias: float32Tensor(allBias, [batch * numWindows, 1, windowPatches, windowPatches]),
    window_shape: int64Tensor(BigInt64Array.from([batch * numWindows, windowPatches, width], BigInt), [3]),
  };
}
