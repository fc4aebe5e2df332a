import { float32Tensor, int64Tensor } from '../../runtime/session.ts';
import { concatenate } from '../../weights/concatenate.ts';
import type { VisionPass } from '../shared/family.ts';
import type { VisionConfig } from '../shared/model-config.ts';

/** The inputs of the vision graph for B tiles; see {@link buildVisionTower}. */
export function feedVision(config: VisionConfig, pixelValues: readonly Float32Array[]): VisionPass {
  const { width, patchSize } = config;
  const tileSide = config.tileSide!;
  const pixels = concatenate(pixelValues);
  const patchWidth = 3 * patchSize ** 2;
  const numPatches = tileSide ** 2;
  const tiles = pixels.length / patchWidth / numPatches;
  return {
    feeds: {
      pixel_values: float32Tensor(pixels, [tiles * numPatches, patchWidth]),
      batch_shape: int64Tensor(BigInt64Array.from([tiles, numPatches, width], BigInt), [3]),
      position_ids: int64Tensor(BigInt64Array.from(positionIds(config), BigInt), [numPatches]),
    },
    toImageOrder: (embeds) => embeds,
  };
}

/** The learned position of every patch of a tile, the patches of a token one after the other. */
function positionIds({ tileSide, mergeSize, positionSide }: VisionConfig): number[] {
  const bucket = buckets(tileSide!, positionSide!);
  const cells = tileSide! / mergeSize;
  return Array.from({ length: tileSide! ** 2 }, (_, patch) => {
    const cell = Math.floor(patch / mergeSize ** 2);
    const inCell = patch % mergeSize ** 2;
    const row = Math.floor(cell / cells) * mergeSize + Math.floor(inCell / mergeSize);
    const column = (cell % cells) * mergeSize + (inCell % mergeSize);
    return bucket[row]! * positionSide! + bucket[column]!;
  });
}

/**
 * The learned position on one axis of each of `count` patches: how many of the bounds 1/n, 2/n … lie at or below the patch's
 * share of the side, in float32 as the reference divides. For sides of 26, 27 and 32 patches, those of the released towers,
 * each patch has its own.
 */
export function buckets(count: number, numPositions: number): number[] {
  const step = Math.fround(1 / count);
  const bounds = Array.from({ length: numPositions - 1 }, (_, index) =>
    Math.fround((index + 1) / numPositions),
  );
  return Array.from({ length: count }, (_, patch) => {
    const share = Math.min(Math.fround(patch * step), Math.fround(1 - 1e-6));
    return bounds.filter((bound) => bound <= share).length;
  });
}
