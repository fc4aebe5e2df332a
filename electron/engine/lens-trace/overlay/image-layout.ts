import { imageCells, positionsOfCells } from '../image-tokens.ts';
import type { LensTrace } from '../lens-trace.ts';
import { sinkLimit } from '../reading.ts';

/** Where the image tokens lie on the photograph, row by row. */
export interface ImageLayout {
  readonly columns: number;
  readonly rows: number;
  /** int32 [rows × columns]: index into `trace.positions`, or −1 where the trace did not read the token. */
  readonly cells: Int32Array;
}

/**
 * Lays the traced image positions over the photograph; null without an image or when none of them was traced. Where the image
 * was cut into tiles, they lie at their places, and the view of the whole that goes with them is not drawn.
 */
export function imageLayout(trace: LensTrace): ImageLayout | null {
  if (trace.image === null || trace.prompt.imageSpan === null) return null;
  const [rows, columns] = imageCells(trace.image);
  const indexOf = new Map(trace.positions.map((position, index) => [position, index]));
  const positions = positionsOfCells(trace.prompt, [rows, columns]);
  const cells = Int32Array.from(positions, (position) => indexOf.get(position) ?? -1);
  return cells.some((index) => index >= 0) ? { rows, columns, cells } : null;
}

/**
 * Image positions whose residual norm stands out at a layer; see {@link sinkLimit}.
 *
 * @returns uint8 [rows × columns], 1 where the token is a sink
 */
export function sinkMask(trace: LensTrace, layerIndex: number, layout: ImageLayout): Uint8Array {
  const norms = trace.cells.residualNorm;
  const offset = layerIndex * trace.positions.length;
  const limit = sinkLimit(
    [...layout.cells].filter((index) => index >= 0).map((index) => norms[offset + index]!),
  );
  const mask = new Uint8Array(layout.cells.length);
  layout.cells.forEach((index, cell) => {
    if (index >= 0 && norms[offset + index]! > limit) mask[cell] = 1;
  });
  return mask;
}
