import type { Model } from './model.ts';
import { layOutPatches, toGraphOrder, toImageOrder } from './graph/vision-layout.ts';
import type { PatchedImage } from './image/preprocess.ts';
import { float32Data, float32Tensor, int64Tensor, type Tensor } from './runtime/session.ts';

/**
 * Runs the vision tower on one image.
 *
 * @returns float32 [cells, D]: one row per merged cell, row by row over the image
 */
export async function encodeImage(
  model: Pick<Model, 'checkpoint' | 'vision'>,
  image: PatchedImage,
): Promise<Float32Array> {
  const { vision } = model.checkpoint.config;
  const layout = layOutPatches(image.grid, vision);
  const pixels = toGraphOrder(image.pixelValues, layout.cellOrder);
  const numPatches = image.grid[1] * image.grid[2];
  const { cos, sin, halfDim } = layout.rotation;
  const feeds: Record<string, Tensor> = {
    pixel_values: float32Tensor(pixels, [numPatches, pixels.length / numPatches]),
    cos: float32Tensor(cos, [numPatches, halfDim]),
    sin: float32Tensor(sin, [numPatches, halfDim]),
  };
  if (layout.windows !== null) {
    const { slots, slotOfPatch, bias, numWindows, windowPatches } = layout.windows;
    feeds['window_slots'] = int64Tensor(slots, [slots.length]);
    feeds['slot_of_patch'] = int64Tensor(slotOfPatch, [numPatches]);
    feeds['window_bias'] = float32Tensor(bias, [numWindows, 1, windowPatches, windowPatches]);
    feeds['window_shape'] = int64Tensor(
      BigInt64Array.from([numWindows, windowPatches, vision.width], BigInt),
      [3],
    );
  }
  const outputs = await model.vision.run(feeds, ['image_embeds']);
  await model.vision.rest();
  return toImageOrder(float32Data(outputs['image_embeds']), layout.cellOrder);
}
