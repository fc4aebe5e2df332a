import type { VisionConfig } from '../shared/model-config.ts';
import { inverseFrequencies, tabulate, type RotationTable } from '../../graph/rotation.ts';

/** A score that softmax turns into exactly 0 in float32, and that stays finite. */
const emptySlotBias = -1e30;

/** How the patches of one image are ordered for the vision graph; "cell" is a merged token of merge² patches. */
export interface VisionLayout {
  /** Cells in the order the graph sees them: cellOrder[i] is the image's cell at place i. */
  readonly cellOrder: Int32Array;
  /** Rotation by patch, in graph order. */
  readonly rotation: RotationTable;
  readonly windows: WindowLayout | null;
}

export interface WindowLayout {
  readonly numWindows: number;
  /** Largest number of patches in a window. */
  readonly windowPatches: number;
  /** int64 [W · M]: patch of every slot; empty slots repeat their window's first patch. */
  readonly slots: BigInt64Array;
  /** int64 [S]: slot of every patch. */
  readonly slotOfPatch: BigInt64Array;
  /** float32 [W, 1, M, M]: a large negative number in the columns of empty slots. */
  readonly bias: Float32Array;
}

/**
 * @param grid patches [t, h, w] of one image (t = 1)
 */
export function layOutPatches(grid: readonly [number, number, number], config: VisionConfig): VisionLayout {
  const { mergeSize, windowSize, patchSize } = config;
  const rows = grid[1] / mergeSize;
  const columns = grid[2] / mergeSize;
  const windowCells = windowSize === null ? null : Math.floor(windowSize / mergeSize / patchSize);
  const windows = windowCells === null ? [allCells(rows, columns)] : tile(rows, columns, windowCells);
  const cellOrder = Int32Array.from(windows.flat());
  return {
    cellOrder,
    rotation: rotatePatches(cellOrder, columns, config),
    windows:
      windowCells === null
        ? null
        : layOutWindows(
            windows.map((cells) => cells.length),
            mergeSize ** 2,
          ),
  };
}

function allCells(rows: number, columns: number): number[] {
  return Array.from({ length: rows * columns }, (_, cell) => cell);
}

/** Cells of each window, row by row inside it; windows at the right and lower edges may be partial. */
function tile(rows: number, columns: number, side: number): number[][] {
  const windows: number[][] = [];
  for (let top = 0; top < rows; top += side) {
    for (let left = 0; left < columns; left += side) {
      const cells: number[] = [];
      for (let row = top; row < Math.min(top + side, rows); row++) {
        for (let column = left; column < Math.min(left + side, columns); column++)
          cells.push(row * columns + column);
      }
      windows.push(cells);
    }
  }
  return windows;
}

/** Two-dimensional rotation: the first half of the half-dimensions turns by the patch's row, the second by its column. */
function rotatePatches(cellOrder: Int32Array, columns: number, config: VisionConfig): RotationTable {
  const { mergeSize, width, numHeads, ropeTheta } = config;
  const halfDim = width / numHeads / 2;
  const frequencies = inverseFrequencies(halfDim, ropeTheta!);
  const perCell = mergeSize ** 2;
  return tabulate(cellOrder.length * perCell, halfDim, (patch, j) => {
    const cell = cellOrder[Math.floor(patch / perCell)]!;
    const inCell = patch % perCell;
    const row = Math.floor(cell / columns) * mergeSize + Math.floor(inCell / mergeSize);
    const column = (cell % columns) * mergeSize + (inCell % mergeSize);
    const axisDim = halfDim / 2;
    return Math.fround((j < axisDim ? row : column) * frequencies[j % axisDim]!);
  });
}

function layOutWindows(cellCounts: readonly number[], patchesPerCell: number): WindowLayout {
  const counts = cellCounts.map((count) => count * patchesPerCell);
  const windowPatches = Math.max(...counts);
  const numWindows = counts.length;
  const slots = new BigInt64Array(numWindows * windowPatches);
  const slotOfPatch = new BigInt64Array(counts.reduce((sum, count) => sum + count, 0));
  const bias = new Float32Array(numWindows * windowPatches * windowPatches);
  let patch = 0;
  counts.forEach((count, window) => {
    for (let slot = 0; slot < windowPatches; slot++) {
      const index = window * windowPatches + slot;
      slots[index] = BigInt(patch + (slot < count ? slot : 0));
      if (slot < count) slotOfPatch[patch + slot] = BigInt(index);
      else
        for (let row = 0; row < windowPatches; row++)
          bias[(window * windowPatches + row) * windowPatches + slot] = emptySlotBias;
    }
    patch += count;
  });
  return { numWindows, windowPatches, slots, slotOfPatch, bias };
}

/**
 * Reorders rows by cell: row block i of the output is row block `cellOrder[i]` of the input.
 *
 * @param rows float32 [cells · rowsPerCell, width]
 */
export function toGraphOrder(rows: Float32Array, cellOrder: Int32Array): Float32Array {
  const block = rows.length / cellOrder.length;
  const ordered = new Float32Array(rows.length);
  cellOrder.forEach((cell, place) =>
    ordered.set(rows.subarray(cell * block, (cell + 1) * block), place * block),
  );
  return ordered;
}

/** The inverse of {@link toGraphOrder}. */
export function toImageOrder(rows: Float32Array, cellOrder: Int32Array): Float32Array {
  const block = rows.length / cellOrder.length;
  const ordered = new Float32Array(rows.length);
  cellOrder.forEach((cell, place) =>
    ordered.set(rows.subarray(place * block, (place + 1) * block), cell * block),
  );
  return ordered;
}
