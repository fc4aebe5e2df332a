import { centreColumns, gram, multiplyTransposed, transpose } from './gram.ts';
import { decomposeSymmetric } from './symmetric-eigen.ts';

/** Features of one layer for all images, with what every factor of them shares. */
export interface LayerMatrix {
  /** float64 [N, D], each column's mean over all images taken away: keeps sums small. */
  readonly values: Float64Array;
  /** float64 [D]: what was taken away. */
  readonly mean: Float64Array;
  readonly count: number;
  readonly width: number;
  /** float64 [N, N], made when it is first needed. */
  gram(): Float64Array;
}

export function makeLayerMatrix(features: Float32Array, count: number, width: number): LayerMatrix {
  const { centred: values, mean } = centreColumns(features, count, width);
  let held: Float64Array | undefined;
  return { values, mean, count, width, gram: () => (held ??= gram(values, count, width)) };
}

/**
 * Everything that a ridge with intercept on some rows of a layer needs, for every λ and every target.
 *
 * With Xc the rows minus their mean and Xc = P·Σ·Vᵀ: `projected` A = P·Σ = Xc·V, `values` d = Σ². Then for λ > 0
 * fitted values are ȳ + A·(Aᵀ(y − ȳ) / (d + λ)), and the hat matrix is A·diag(1 / (d + λ))·Aᵀ + 1/n.
 */
export interface Factor {
  /** int32 [n]: the rows of the layer matrix that it was made from. */
  readonly rows: Int32Array;
  readonly rank: number;
  /** float64 [n, r] */
  readonly projected: Float64Array;
  /** float64 [r], largest first, never negative. */
  readonly values: Float64Array;
  /** Mean squared distance of a row from the rows' mean, what a relative λ is a multiple of; 0 where it is rounding. */
  readonly spread: number;
  /** Other rows of the layer matrix along the same axes: (x − mean of the training rows)·V, float64 [m, r]. */
  project(rows: Int32Array): Float64Array;
  /**
   * Coefficients along the axes as weights on features: float64 [D] with score = (x − mean)·weights.
   *
   * @param coefficients float64 [r]
   */
  toWeights(coefficients: Float64Array): Float64Array;
}

/**
 * Decomposes the rows once: over the features when there are fewer of them than rows, else over the rows.
 * Both give the same numbers.
 */
export function makeFactor(matrix: LayerMatrix, rows: Int32Array): Factor {
  return matrix.width < rows.length ? factorFeatures(matrix, rows) : factorRows(matrix, rows);
}

/** Eigenvectors of Xcᵀ·Xc [D, D]. */
export function factorFeatures(matrix: LayerMatrix, rows: Int32Array): Factor {
  const { width } = matrix;
  const mean = meanOfRows(matrix, rows);
  const centred = takeRows(matrix, rows, mean);
  const covariance = gram(transpose(centred, rows.length, width), width, rows.length);
  const { values, vectors } = decomposeSymmetric(covariance, width);
  const axes = transpose(vectors, width, width);
  return {
    rows,
    rank: width,
    projected: multiplyTransposed(centred, rows.length, axes, width, width),
    values: values.map((value) => Math.max(value, 0)),
    spread: spreadOf(matrix, traceOf(covariance, width) / rows.length),
    project: (others) =>
      multiplyTransposed(takeRows(matrix, others, mean), others.length, axes, width, width),
    toWeights: (coefficients) => {
      const weights = new Float64Array(width);
      for (let axis = 0; axis < width; axis++)
        for (let k = 0; k < width; k++) weights[k]! += coefficients[axis]! * axes[axis * width + k]!;
      return weights;
    },
  };
}

/** Eigenvectors of Xc·Xcᵀ [n, n], from the layer's one Gram matrix. */
export function factorRows(matrix: LayerMatrix, rows: Int32Array): Factor {
  const count = rows.length;
  const { means, overall, kernel } = centreGram(matrix, rows);
  const { values: raw, vectors } = decomposeSymmetric(kernel, count);
  const values = raw.map((value) => Math.max(value, 0));
  const projected = new Float64Array(count * count);
  /** P·Σ⁻¹; an axis without extent has no place in it. */
  const inverse = new Float64Array(count * count);
  for (let row = 0, at = 0; row < count; row++)
    for (let axis = 0; axis < count; axis++, at++) {
      const deviation = Math.sqrt(values[axis]!);
      projected[at] = vectors[at]! * deviation;
      inverse[at] = deviation > 0 ? vectors[at]! / deviation : 0;
    }
  return {
    rows,
    rank: count,
    projected,
    values,
    spread: spreadOf(matrix, traceOf(kernel, count) / count),
    project: (others) => {
      const products = new Float64Array(others.length * count);
      const whole = matrix.gram();
      others.forEach((other, row) => {
        let own = 0;
        for (let k = 0; k < count; k++) own += whole[other * matrix.count + rows[k]!]!;
        own /= count;
        for (let k = 0; k < count; k++)
          products[row * count + k] = whole[other * matrix.count + rows[k]!]! - own - means[k]! + overall;
      });
      return multiplyTransposed(products, others.length, transpose(inverse, count, count), count, count);
    },
    toWeights: (coefficients) => {
      const { width, values: features } = matrix;
      const weights = new Float64Array(width);
      let total = 0;
      const shares = Float64Array.from(rows, (_, row) => {
        let share = 0;
        for (let axis = 0; axis < count; axis++) share += inverse[row * count + axis]! * coefficients[axis]!;
        total += share;
        return share;
      });
      // Xcᵀ·shares = Xᵀ·(shares − their mean).
      rows.forEach((row, index) => {
        const share = shares[index]! - total / count;
        for (let k = 0; k < width; k++) weights[k]! += share * features[row * width + k]!;
      });
      return weights;
    },
  };
}

/** The Gram matrix of some rows about their own mean, exactly: K − row means − column means + overall mean. */
function centreGram(matrix: LayerMatrix, rows: Int32Array) {
  const count = rows.length;
  const whole = matrix.gram();
  const kernel = new Float64Array(count * count);
  const means = new Float64Array(count);
  let overall = 0;
  for (let i = 0; i < count; i++) {
    const from = rows[i]! * matrix.count;
    let sum = 0;
    for (let k = 0; k < count; k++) {
      const value = whole[from + rows[k]!]!;
      kernel[i * count + k] = value;
      sum += value;
    }
    means[i] = sum / count;
    overall += means[i]! / count;
  }
  for (let i = 0; i < count; i++)
    for (let k = 0; k < count; k++) kernel[i * count + k]! += overall - means[i]! - means[k]!;
  return { means, overall, kernel };
}

/** float64 [D]: mean of some rows of the layer matrix. */
export function meanOfRows({ values, width }: LayerMatrix, rows: Int32Array): Float64Array {
  const mean = new Float64Array(width);
  for (const row of rows) for (let k = 0; k < width; k++) mean[k]! += values[row * width + k]!;
  for (let k = 0; k < width; k++) mean[k]! /= rows.length;
  return mean;
}

function takeRows({ values, width }: LayerMatrix, rows: Int32Array, mean: Float64Array): Float64Array {
  const taken = new Float64Array(rows.length * width);
  rows.forEach((row, index) => {
    for (let k = 0; k < width; k++) taken[index * width + k] = values[row * width + k]! - mean[k]!;
  });
  return taken;
}

/** Rows that are all alike differ by rounding of their mean, which no penalty may be measured by. */
function spreadOf({ values, count }: LayerMatrix, spread: number): number {
  let overall = 0;
  for (const value of values) overall += value * value;
  return spread > (1e-20 * overall) / count ? spread : 0;
}

function traceOf(matrix: Float64Array, size: number): number {
  let trace = 0;
  for (let index = 0; index < size; index++) trace += matrix[index * size + index]!;
  return trace;
}
