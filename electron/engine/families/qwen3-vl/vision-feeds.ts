import type { ImageGrid } from '../../image/image-processor.ts';
import { float32Tensor, int64Tensor } from '../../runtime/session.ts';
import { feedVision as feedQwenVision } from '../qwen-shared/vision-feeds.ts';
import type { VisionPass } from '../shared/family.ts';
import type { VisionConfig } from '../shared/model-config.ts';

/** The inputs of the vision graph for B images of one grid; see {@link buildVisionTower}. */
export function feedVision(
  config: VisionConfig,
  grid: ImageGrid,
  pixelValues: readonly Float32Array[],
): VisionPass {
  const { feeds, toImageOrder } = feedQwenVision(config, grid, pixelValues);
  const { taps, weights } = interpolatePositions(grid, config.positionSide!, config.mergeSize);
  const numPatches = grid[1] * grid[2];
  return {
    feeds: {
      ...feeds,
      position_taps: int64Tensor(taps, [4, numPatches]),
      position_weights: float32Tensor(weights, [4, numPatches, 1]),
    },
    toImageOrder,
  };
}

/** A place between two of a row of learned positions, rounded to float32 at the reference's steps. */
interface AxisPlace {
  readonly low: number;
  readonly high: number;
  readonly lowWeight: number;
  readonly highWeight: number;
}

/**
 * Where each patch lies between four learned positions: the corners of the square are those of the image.
 *
 * @returns `taps` int64 [4, S] and `weights` float32 [4, S], patches in cell order
 */
function interpolatePositions(
  [, rows, columns]: ImageGrid,
  side: number,
  mergeSize: number,
): { readonly taps: BigInt64Array; readonly weights: Float32Array } {
  const numPatches = rows * columns;
  const taps = new BigInt64Array(4 * numPatches);
  const weights = new Float32Array(4 * numPatches);
  const onRows = placesOnAxis(rows, side);
  const onColumns = placesOnAxis(columns, side);
  let patch = 0;
  for (let top = 0; top < rows; top += mergeSize) {
    for (let left = 0; left < columns; left += mergeSize) {
      for (let inner = 0; inner < mergeSize * mergeSize; inner++, patch++) {
        const row = onRows[top + Math.floor(inner / mergeSize)]!;
        const column = onColumns[left + (inner % mergeSize)]!;
        const corners = [
          [row.low, column.low, row.lowWeight * column.lowWeight],
          [row.low, column.high, row.lowWeight * column.highWeight],
          [row.high, column.low, row.highWeight * column.lowWeight],
          [row.high, column.high, row.highWeight * column.highWeight],
        ] as const;
        corners.forEach(([y, x, weight], corner) => {
          taps[corner * numPatches + patch] = BigInt(y * side + x);
          weights[corner * numPatches + patch] = weight;
        });
      }
    }
  }
  return { taps, weights };
}

function placesOnAxis(size: number, side: number): AxisPlace[] {
  return Array.from({ length: size }, (_, index) => {
    const place = Math.fround((index * (side - 1)) / Math.max(1, size - 1));
    const low = Math.floor(place);
    const highWeight = Math.fround(place - low);
    return { low, high: Math.min(low + 1, side - 1), lowWeight: Math.fround(1 - highWeight), highWeight };
  });
}
