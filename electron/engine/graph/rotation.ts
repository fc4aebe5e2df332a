/** A table of rotations: cos and sin float32 [T, halfDim]. */
export interface RotationTable {
  readonly cos: Float32Array;
  readonly sin: Float32Array;
  readonly halfDim: number;
}

interface RotaryConfig {
  readonly headDim: number;
  readonly ropeTheta: number;
  /** The axis of the position that rotates each half-dimension; length headDim / 2. */
  readonly ropeAxes: readonly number[];
  /** Divides the angles: linear scaling of positions. 1 where left out. */
  readonly ropeFactor?: number;
}

/**
 * The rotation of every position: half-dimension j turns by position · theta^(−2j / headDim) / factor, the position
 * taken from the axis that half-dimension j belongs to. Rounded to float32 at the same steps as the
 * reference, so that large positions agree.
 */
export function buildRotationTable(
  positions: readonly Int32Array[],
  { headDim, ropeTheta, ropeAxes, ropeFactor = 1 }: RotaryConfig,
): RotationTable {
  const halfDim = headDim / 2;
  const frequencies = inverseFrequencies(headDim, ropeTheta).map((frequency) => frequency / ropeFactor);
  return tabulate(positions[0]!.length, halfDim, (row, j) =>
    Math.fround(positions[ropeAxes[j]!]![row]! * frequencies[j]!),
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
