import type { LensTrace } from '../lens-trace.ts';
import { sinkLimit } from '../reading.ts';

/** Where the image tokens lie on the photograph: merged 2 × 2 patches, row by row. */
export interface ImageLayout {
  readonly columns: number;
  readonly rows: number;
  /** int32 [rows × columns]: index into `trace.positions`, or −1 where the trace did not read the token. */
  readonly cells: Int32Array;
}

/** Lays the traced image positions over the photograph; null without an image or when none of them was traced. */
export function imageLayout(trace: LensTrace): ImageLayout | null {
  const span = trace.prompt.imageSpan;
  if (trace.image === null || span === null) return null;
  const [, height, width] = trace.image.grid;
  const rows = height >> 1;
  const columns = width >> 1;
  const cells = new Int32Array(rows * columns).fill(-1);
  trace.positions.forEach((position, index) => {
    const cell = position - span[0];
    if (cell >= 0 && cell < cells.length && position < span[1]) cells[cell] = index;
  });
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
