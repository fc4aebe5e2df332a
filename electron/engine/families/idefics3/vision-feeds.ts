import type { VisionPass } from '../shared/family.ts';
import type { VisionConfig } from '../shared/model-config.ts';
import { feedSiglip } from '../shared/siglip.ts';

/** The inputs of the vision graph for B tiles. */
export function feedVision(config: VisionConfig, pixelValues: readonly Float32Array[]): VisionPass {
  const tileSide = config.tileSide!;
  const bucket = buckets(tileSide, config.positionSide!);
  return feedSiglip(config, tileSide, pixelValues, (patch) => bucket[patch]!);
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
