import type { DecoderConfig } from './config.ts';

/** A table of rotations: cos and sin float32 [T, halfDim]. */
export interface RotationTable {
  readonly cos: Float32Array;
  readonly sin: Float32Array;
  readonly halfDim: number;
}

/**
 * Three-dimensional positions of a prompt with at most one image.
 *
 * Text counts up on all three axes; the image's tokens share one t and take their cell's row and column on h
 * and w; the text after it goes on at the largest position + 1.
 *
 * @param length T, prompt and generated tokens
 * @param imageSpan [start, end) of the image tokens, or null
 * @param cells [rows, columns] of merged cells; rows · columns = end − start
 * @returns positions by axis t, h, w, each int32 [T]
 */
export function buildPositionIds(
  length: number,
  imageSpan: readonly [number, number] | null,
  cells: readonly [number, number],
): [Int32Array, Int32Array, Int32Array] {
  const axes: [Int32Array, Int32Array, Int32Array] = [
    new Int32Array(length),
    new Int32Array(length),
    new Int32Array(length),
  ];
  const [start, end] = imageSpan ?? [length, length];
  const [rows, columns] = cells;
  for (let index = 0; index < length; index++) {
    const cell = index - start;
    if (cell < 0) axes.forEach((axis) => (axis[index] = index));
    else if (index < end) {
      axes[0][index] = start;
      axes[1][index] = start + Math.floor(cell / columns);
      axes[2][index] = start + (cell % columns);
    } else {
      const text = start + Math.max(rows, columns) + (index - end);
      axes.forEach((axis) => (axis[index] = text));
    }
  }
  return axes;
}

/**
 * The rotation of every position: half-dimension j turns by position · theta^(−2j / headDim), the position
 * taken from axis t, h or w by the section that j falls into. Rounded to float32 at the same steps as the
 * reference, so that large positions agree.
 */
export function buildMropeTable(
  positions: readonly [Int32Array, Int32Array, Int32Array],
  { headDim, ropeTheta, mropeSection }: DecoderConfig,
): RotationTable {
  const halfDim = headDim / 2;
  const frequencies = inverseFrequencies(headDim, ropeTheta);
  const axisOf = mropeSection.flatMap((size, axis) => Array.from({ length: size }, () => axis));
  return tabulate(positions[0].length, halfDim, (row, j) =>
    Math.fround(positions[axisOf[j]!]![row]! * frequencies[j]!),
  );
}

/** theta^(−2j / dim) for j = 0 … dim/2 − 1, in float32. */
export function inverseFrequencies(dim: number, theta: number): Float32Array {
  return Float32Array.from(
    { length: dim / 2 },
    (_, j) => 1 / Math.fround(Math.pow(theta, Math.fround((2 * j) / dim))),
  );
}

/** Fills a table from an angle (radians) per row and half-dimension. */
export function tabulate(
  rows: number,
  halfDim: number,
  angle: (row: number, j: number) => number,
): RotationTable {
  const cos = new Float32Array(rows * halfDim);
  const sin = new Float32Array(rows * halfDim);
  for (let row = 0; row < rows; row++) {
    for (let j = 0; j < halfDim; j++) {
      const radians = angle(row, j);
      cos[row * halfDim + j] = Math.cos(radians);
      sin[row * halfDim + j] = Math.sin(radians);
    }
  }
  return { cos, sin, halfDim };
}
