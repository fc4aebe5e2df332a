import { momentsGroup } from '../graph/input-moments.ts';
import type { BlockFit } from './block-fit.ts';

/** What rounding needs to know of a matrix's inputs; see {@link factorMoments}. */
export interface FeedbackFactors {
  /** float32 [columns filled up to groups]: second moment of each input. */
  readonly weights: Float32Array;
  /** float32 [groups, 256, 256]: entry [i, j], j > i: how much of an error at column i column j compensates. */
  readonly shares: Float32Array;
}

/** Of the mean second moment of a matrix's inputs, added to each: what was not observed is not trusted to be zero. */
const damping = 0.01;

/**
 * Turns second moments into shares of feedback. With H the (damped) moments of a group and H⁻¹ = Uᵀ U, U upper triangular,
 * the error that is left when column i has been rounded is smallest when U[i, j] / U[i, i] times it is taken from
 * every later column j (Frantar et al., "GPTQ", 2022).
 *
 * @param moments float64 [groups, 256, 256], sums over the same rows
 * @param columns of the matrix; the rest is padding
 */
export function factorMoments(moments: Float64Array, columns: number): FeedbackFactors {
  const size = momentsGroup;
  const groups = moments.length / size ** 2;
  const weights = new Float32Array(groups * size);
  const shares = new Float32Array(moments.length);
  let trace = 0;
  for (let column = 0; column < columns; column++) trace += moments[diagonalAt(column)]!;
  // Of inputs that are always zero nothing is known: all errors count the same.
  const floor = trace === 0 ? 1 : (damping * trace) / columns;
  for (let group = 0; group < groups; group++) {
    const damped = moments.slice(group * size ** 2, (group + 1) * size ** 2);
    for (let i = 0; i < size; i++) {
      damped[i * size + i]! += floor;
      weights[group * size + i] = damped[i * size + i]!;
    }
    const upper = factorOfInverse(damped, size);
    for (let i = 0; i < size; i++)
      for (let j = i + 1; j < size; j++)
        shares[group * size ** 2 + i * size + j] = upper[i * size + j]! / upper[i * size + i]!;
  }
  return { weights, shares };
}

function diagonalAt(column: number): number {
  const inGroup = column % momentsGroup;
  return Math.floor(column / momentsGroup) * momentsGroup ** 2 + inGroup * momentsGroup + inGroup;
}

/**
 * The upper triangular U of H⁻¹ = Uᵀ U. Eliminating from the last column to the first gives H = V Vᵀ with V upper
 * triangular, and then U = V⁻¹, which is upper triangular too: H⁻¹ = V⁻ᵀ V⁻¹.
 *
 * @param h float64 [size, size], positive definite
 */
function factorOfInverse(h: Float64Array, size: number): Float64Array {
  const v = new Float64Array(size * size);
  for (let j = size - 1; j >= 0; j--) {
    for (let i = j; i >= 0; i--) {
      let sum = h[i * size + j]!;
      for (let k = j + 1; k < size; k++) sum -= v[i * size + k]! * v[j * size + k]!;
      v[i * size + j] = i === j ? Math.sqrt(sum) : sum / v[j * size + j]!;
    }
  }
  const u = new Float64Array(size * size);
  for (let j = 0; j < size; j++) {
    u[j * size + j] = 1 / v[j * size + j]!;
    for (let i = j - 1; i >= 0; i--) {
      let sum = 0;
      for (let k = i + 1; k <= j; k++) sum += v[i * size + k]! * u[k * size + j]!;
      u[i * size + j] = -sum / v[i * size + i]!;
    }
  }
  return u;
}

/** Rounds a group of columns of one row at a time, letting later columns make up for the errors of earlier ones. */
export class ErrorFeedback {
  readonly #fit: BlockFit;
  readonly #factors: FeedbackFactors;
  /** The group, corrected where it is not rounded yet. */
  readonly #values = new Float32Array(momentsGroup);
  readonly #errors = new Float32Array(momentsGroup);
  #group = 0;
  #length = 0;

  /** @throws RangeError when the factors are another matrix's */
  constructor(fit: BlockFit, factors: FeedbackFactors, columns: number) {
    if (factors.weights.length !== Math.ceil(columns / momentsGroup) * momentsGroup)
      throw new RangeError(`${factors.weights.length} weights do not fit ${columns} columns`);
    this.#fit = fit;
    this.#factors = factors;
  }

  /** Takes columns `group` … `end` − 1 of the row that begins at `start`. */
  begin(values: Float32Array, start: number, group: number, end: number): void {
    this.#group = group;
    this.#length = end - group;
    this.#values.set(values.subarray(start + group, start + end));
  }

  /**
   * Rounds a block into the fit's integers, scale and zero point; blocks of a group come in order.
   *
   * @param first column of the group
   */
  round(first: number, length: number): void {
    const fit = this.#fit;
    const values = this.#values;
    const { weights } = this.#factors;
    fit.choose(values, first, length, weights, this.#group + first);
    const { scale, zeroPoint, levels, integers } = fit;
    if (scale === 0) return;
    const inverse = 1 / scale;
    const errors = this.#errors;
    for (let index = 0; index < length; index++) {
      const column = first + index;
      const value = values[column]!;
      let q = (value * inverse + zeroPoint + 0.5) | 0;
      q = q < 0 ? 0 : q;
      q = q > levels ? levels : q;
      integers[index] = q;
      const error = value - (q - zeroPoint) * scale;
      errors[index] = error;
      this.#makeUpFor(error, column, column + 1, first + length);
    }
    for (let index = 0; index < length; index++)
      this.#makeUpFor(errors[index]!, first + index, first + length, this.#length);
  }

  #makeUpFor(error: number, column: number, from: number, to: number): void {
    const values = this.#values;
    const { shares } = this.#factors;
    const row = (this.#group + column) * momentsGroup;
    for (let later = from; later < to; later++) values[later]! -= error * shares[row + later]!;
  }
}
