import { blocksPerRow, dataBytesPerRow, zeroPointBytesPerRow } from '../weights/block-format.ts';
import { momentsGroup } from '../graph/input-moments.ts';
import { BlockFit, type BlockChoice } from './block-fit.ts';
import { ErrorFeedback, type FeedbackFactors } from './error-feedback.ts';

export interface QuantisedRows {
  readonly data: Uint8Array;
  readonly scales: Float32Array;
  /** null when symmetric. */
  readonly zeroPoints: Uint8Array | null;
  /** Σ (prepared − source)² and Σ source² */
  readonly squaredError: number;
  readonly squaredNorm: number;
}

/**
 * Rounds rows to integers block by block: each weight to the nearest, or with what was observed of the matrix's
 * inputs so that the errors of a row cancel in its product.
 *
 * @param values float32 [rows, columns]; the same values always give the same bytes
 */
export function quantiseRows(
  values: Float32Array,
  columns: number,
  choice: BlockChoice,
  factors: FeedbackFactors | null = null,
): QuantisedRows {
  const { bits, blockSize, symmetric } = choice;
  const numRows = values.length / columns;
  const blocks = blocksPerRow(columns, choice);
  const dataStride = dataBytesPerRow(columns, choice);
  const zeroStride = zeroPointBytesPerRow(columns, choice);
  const data = new Uint8Array(numRows * dataStride);
  const scales = new Float32Array(numRows * blocks);
  const zeroPoints = symmetric ? null : new Uint8Array(numRows * zeroStride);
  const fit = new BlockFit(choice);
  const feedback = factors === null ? null : new ErrorFeedback(fit, factors, columns);
  let squaredError = 0;
  let squaredNorm = 0;
  // Groups of columns outside, rows inside: what was observed of a group stays in the cache for all rows.
  for (let group = 0; group < columns; group += momentsGroup) {
    const end = Math.min(columns, group + momentsGroup);
    for (let row = 0; row < numRows; row++) {
      feedback?.begin(values, row * columns, group, end);
      for (let first = group; first < end; first += blockSize) {
        const block = first / blockSize;
        const start = row * columns + first;
        const length = Math.min(blockSize, end - first);
        if (feedback === null) fit.choose(values, start, length);
        else feedback.round(first - group, length);
        for (let index = 0; index < length; index++) {
          const value = values[start + index]!;
          const difference = value - (fit.integers[index]! - fit.zeroPoint) * fit.scale;
          squaredError += difference * difference;
          squaredNorm += value * value;
        }
        scales[row * blocks + block] = fit.scale;
        const to = row * dataStride + (first * bits) / 8;
        if (bits === 8) data.set(fit.integers, to);
        else packHalfBytes(fit.integers, data, to);
        if (zeroPoints === null) continue;
        if (bits === 8) zeroPoints[row * zeroStride + block] = fit.zeroPoint;
        else zeroPoints[row * zeroStride + (block >> 1)]! |= fit.zeroPoint << (4 * (block & 1));
      }
    }
  }
  return { data, scales, zeroPoints, squaredError, squaredNorm };
}

function packHalfBytes(integers: Uint8Array, target: Uint8Array, to: number): void {
  for (let index = 0; index < integers.length; index += 2) {
    target[to + (index >> 1)] = integers[index]! | (integers[index + 1]! << 4);
  }
}
