import type { Factor } from './factor.ts';

/** A ridge with intercept for every column of the targets. */
export interface RidgeFit {
  /** float64 [r, C]: along the factor's axes. */
  readonly coefficients: Float64Array;
  /** float64 [C]: the targets' means, which are the predictions at the features' mean. */
  readonly means: Float64Array;
}

/**
 * Minimises ‖y − b − X·w‖² + λ‖w‖² for all columns at once; b carries no penalty.
 *
 * @param targets float64 [n, C], row-major, rows in the factor's order
 * @param lambda  above 0, in units of squared features
 */
export function fitRidge(factor: Factor, targets: Float64Array, columns: number, lambda: number): RidgeFit {
  const count = factor.rows.length;
  const means = columnMeans(targets, count, columns);
  const { projected, values, rank } = factor;
  const coefficients = new Float64Array(rank * columns);
  const centred = targets.map((target, at) => target - means[at % columns]!);
  for (let row = 0; row < count; row++)
    for (let axis = 0; axis < rank; axis++) {
      const value = projected[row * rank + axis]!;
      for (let column = 0; column < columns; column++)
        coefficients[axis * columns + column]! += value * centred[row * columns + column]!;
    }
  for (let axis = 0; axis < rank; axis++)
    for (let column = 0; column < columns; column++)
      coefficients[axis * columns + column]! /= values[axis]! + lambda;
  return { coefficients, means };
}

/**
 * Scores of projected rows: predictions minus the training targets' mean.
 *
 * @param projected float64 [m, r]: the factor's own rows or those of `project`
 * @returns float64 [m, C]
 */
export function scoreRows(
  { coefficients }: RidgeFit,
  projected: Float64Array,
  rank: number,
  columns: number,
): Float64Array {
  const count = projected.length / rank;
  const scores = new Float64Array(count * columns);
  for (let row = 0; row < count; row++)
    for (let axis = 0; axis < rank; axis++) {
      const value = projected[row * rank + axis]!;
      for (let column = 0; column < columns; column++)
        scores[row * columns + column]! += value * coefficients[axis * columns + column]!;
    }
  return scores;
}

/** One column's weights on features, float64 [D]. */
export function weightsOf(
  factor: Factor,
  { coefficients }: RidgeFit,
  columns: number,
  column: number,
): Float64Array {
  return factor.toWeights(
    Float64Array.from({ length: factor.rank }, (_, axis) => coefficients[axis * columns + column]!),
  );
}

export function columnMeans(targets: Float64Array, count: number, columns: number): Float64Array {
  const means = new Float64Array(columns);
  for (let row = 0; row < count; row++)
    for (let column = 0; column < columns; column++) means[column]! += targets[row * columns + column]!;
  return means.map((sum) => sum / count);
}
