import type { ImageGrid } from '../../image/image-processor.ts';
import { float32Tensor, int64Tensor, type Tensors } from '../../runtime/session.ts';
import type { VisionPass } from '../shared/family.ts';
import type { VisionConfig } from '../shared/model-config.ts';
import { layOutPatches, toGraphOrder, toImageOrder, type WindowLayout } from './vision-layout.ts';

/** The inputs of the vision graph for B images of one grid; see {@link buildVisionTower}. */
export function feedVision(
  config: VisionConfig,
  grid: ImageGrid,
  pixelValues: readonly Float32Array[],
): VisionPass {
  const { cellOrder, rotation, windows } = layOutPatches(grid, config);
  const { cos, sin, halfDim } = rotation;
  const batch = pixelValues.length;
  const numPatches = grid[1] * grid[2];
  const pixels = joinPixels(pixelValues, cellOrder);
  const feeds = {
    pixel_values: float32Tensor(pixels, [batch * numPatches, pixels.length / batch / numPatches]),
    batch_shape: int64Tensor(BigInt64Array.from([batch, numPatches, config.width], BigInt), [3]),
    cos: float32Tensor(cos, [numPatches, halfDim]),
    sin: float32Tensor(sin, [numPatches, halfDim]),
    ...(windows === null ? {} : windowFeeds(windows, batch, config.width)),
  };
  return { feeds, toImageOrder: (embeds) => toImageOrder(embeds, cellOrder) };
}

function joinPixels(images: readonly Float32Array[], cellOrder: Int32Array): Float32Array {
  const size = images[0]!.length;
  const joined = new Float32Array(images.length * size);
  images.forEach((pixels, index) => joined.set(toGraphOrder(pixels, cellOrder), index * size));
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
