import { factorCholesky, solveCholesky } from './cholesky.ts';
import type { Factor } from './factor.ts';
import { gram } from './gram.ts';
import { fitRidge, scoreRows } from './ridge.ts';

/**
 * Residuals of a ridge when patients are left out, without fitting again.
 *
 * With H the hat matrix and e = y − ŷ: leaving patient g out, r_g = (I − H_gg)⁻¹·e_g. Leaving f out changes I − H on the
 * others to (I − H) − (I − H)_·f·(I − H)_ff⁻¹·(I − H)_f·, and e likewise, so that a second patient is left out by the same rule.
 *
 * @see Allen (1974), PRESS; Cook, Weisberg (1982), "Residuals and Influence in Regression", 2.2
 */
export interface LeaveOut {
  /** I − H, float64 [n, n]. */
  readonly residualMaker: Float64Array;
  /** y − ŷ, float64 [n, C]. */
  readonly residuals: Float64Array;
  readonly starts: Int32Array;
  readonly columns: number;
}

/** @param starts places at which patients begin in the factor's rows, [P + 1] */
export function prepareLeaveOut(
  factor: Factor,
  starts: Int32Array,
  targets: Float64Array,
  columns: number,
  lambda: number,
): LeaveOut {
  const { projected, values, rank, rows } = factor;
  const scaled = new Float64Array(projected.length);
  const scales = values.map((value) => 1 / Math.sqrt(value + lambda));
  for (let row = 0, at = 0; row < rows.length; row++)
    for (let axis = 0; axis < rank; axis++, at++) scaled[at] = projected[at]! * scales[axis]!;
  const residualMaker = gram(scaled, rows.length, rank);
  for (let at = 0; at < residualMaker.length; at++) residualMaker[at] = -residualMaker[at]! - 1 / rows.length;
  for (let row = 0; row < rows.length; row++) residualMaker[row * rows.length + row]! += 1;
  return { residualMaker, residuals: residualsOf(factor, targets, columns, lambda), starts, columns };
}

/** y − ŷ on the training rows, float64 [n, C]. */
export function residualsOf(
  factor: Factor,
  targets: Float64Array,
  columns: number,
  lambda: number,
): Float64Array {
  const fit = fitRidge(factor, targets, columns, lambda);
  const scores = scoreRows(fit, factor.projected, factor.rank, columns);
  return targets.map((target, at) => target - fit.means[at % columns]! - scores[at]!);
}

/** Each patient's residuals under the ridge that was fitted without that patient, float64 [n, C]. */
export function leaveEachOut({ residualMaker, residuals, starts, columns }: LeaveOut): Float64Array {
  const count = residuals.length / columns;
  const left = residuals.slice();
  for (let patient = 0; patient + 1 < starts.length; patient++) {
    const begin = starts[patient]!;
    const size = starts[patient + 1]! - begin;
    const block = takeBlock(residualMaker, count, begin, size);
    factorCholesky(block, size);
    solveCholesky(block, size, left, columns, begin * columns);
  }
  return left;
}

/**
 * The same from the blocks of patients alone, for when no pairs of patients are wanted: I − H is not formed.
 */
export function leaveEachOutOf(
  factor: Factor,
  starts: Int32Array,
  targets: Float64Array,
  columns: number,
  lambda: number,
): Float64Array {
  const { projected, values, rank, rows } = factor;
  const left = residualsOf(factor, targets, columns, lambda);
  const inverse = values.map((value) => 1 / (value + lambda));
  for (let patient = 0; patient + 1 < starts.length; patient++) {
    const begin = starts[patient]!;
    const size = starts[patient + 1]! - begin;
    const block = new Float64Array(size * size);
    for (let i = 0; i < size; i++)
      for (let k = 0; k <= i; k++) {
        let hat = 1 / rows.length;
        const a = (begin + i) * rank;
        const b = (begin + k) * rank;
        for (let axis = 0; axis < rank; axis++)
          hat += projected[a + axis]! * inverse[axis]! * projected[b + axis]!;
        block[i * size + k] = (i === k ? 1 : 0) - hat;
      }
    factorCholesky(block, size);
    solveCholesky(block, size, left, columns, begin * columns);
  }
  return left;
}

/**
 * Every other patient's residuals when that patient and `out` are both left out: what a choice that may not know `out`
 * is made by.
 *
 * @param result float64 [n, C]; the rows of `out` become NaN
 */
export function leavePairsOut(leaveOut: LeaveOut, out: number, result: Float64Array): void {
  const { residualMaker, residuals, starts, columns } = leaveOut;
  const count = residuals.length / columns;
  const outBegin = starts[out]!;
  const outSize = starts[out + 1]! - outBegin;
  if (outSize === 1 && starts.length - 1 === count) {
    leaveSinglesOut(leaveOut, outBegin, count, result);
    return;
  }
  const outer = takeBlock(residualMaker, count, outBegin, outSize);
  factorCholesky(outer, outSize);
  const outerResiduals = residuals.slice(outBegin * columns, (outBegin + outSize) * columns);
  solveCholesky(outer, outSize, outerResiduals, columns);
  for (let patient = 0; patient + 1 < starts.length; patient++) {
    const begin = starts[patient]!;
    const size = starts[patient + 1]! - begin;
    if (patient === out) {
      result.fill(NaN, begin * columns, (begin + size) * columns);
      continue;
    }
    const block = takeBlock(residualMaker, count, begin, size);
    const coupling = new Float64Array(outSize * size);
    for (let i = 0; i < outSize; i++)
      for (let k = 0; k < size; k++)
        coupling[i * size + k] = residualMaker[(outBegin + i) * count + begin + k]!;
    const solved = coupling.slice();
    solveCholesky(outer, outSize, solved, size);
    for (let i = 0; i < size; i++) {
      for (let k = 0; k <= i; k++)
        for (let j = 0; j < outSize; j++)
          block[i * size + k]! -= coupling[j * size + i]! * solved[j * size + k]!;
      for (let column = 0; column < columns; column++) {
        let value = residuals[(begin + i) * columns + column]!;
        for (let j = 0; j < outSize; j++)
          value -= coupling[j * size + i]! * outerResiduals[j * columns + column]!;
        result[(begin + i) * columns + column] = value;
      }
    }
    factorCholesky(block, size);
    solveCholesky(block, size, result, columns, begin * columns);
  }
}

/** The same where every patient has one row. */
function leaveSinglesOut(
  { residualMaker, residuals, columns }: LeaveOut,
  out: number,
  count: number,
  result: Float64Array,
): void {
  const across = out * count;
  const pivot = 1 / residualMaker[across + out]!;
  for (let row = 0; row < count; row++) {
    const coupling = residualMaker[across + row]!;
    const share = coupling * pivot;
    const scale = 1 / (residualMaker[row * count + row]! - coupling * share);
    for (let column = 0; column < columns; column++)
      result[row * columns + column] =
        (residuals[row * columns + column]! - share * residuals[out * columns + column]!) * scale;
  }
  result.fill(NaN, out * columns, (out + 1) * columns);
}

function takeBlock(matrix: Float64Array, count: number, begin: number, size: number): Float64Array {
  const block = new Float64Array(size * size);
  for (let i = 0; i < size; i++)
    for (let k = 0; k < size; k++) block[i * size + k] = matrix[(begin + i) * count + begin + k]!;
  return block;
}

/**
 * Mean target of the rows that remain when each patient is left out (and the patient `out` too), float64 [n, C].
 * In the rows of `out` itself it is the mean without `out`.
 */
export function leftOutMeans(
  targets: Float64Array,
  columns: number,
  starts: Int32Array,
  out?: number,
): Float64Array {
  const means = new Float64Array(targets.length);
  const rows = targets.length / columns;
  const sum = (begin: number, end: number, column: number) => {
    let total = 0;
    for (let row = begin; row < end; row++) total += targets[row * columns + column]!;
    return total;
  };
  for (let column = 0; column < columns; column++) {
    let total = sum(0, rows, column);
    let kept = rows;
    if (out !== undefined) {
      total -= sum(starts[out]!, starts[out + 1]!, column);
      kept -= starts[out + 1]! - starts[out]!;
    }
    for (let patient = 0; patient + 1 < starts.length; patient++) {
      const begin = starts[patient]!;
      const end = starts[patient + 1]!;
      const mean =
        patient === out ? total / kept : (total - sum(begin, end, column)) / (kept - (end - begin));
      for (let row = begin; row < end; row++) means[row * columns + column] = mean;
    }
  }
  return means;
}

/**
 * Scores of patients left out: prediction minus the mean target of the rows that the ridge was fitted on.
 *
 * The mean is taken off because it alone, being lower whenever a positive patient is left out, ranks positives below negatives.
 *
 * @param left residuals of {@link leaveEachOut}, or of {@link leavePairsOut} with the patient `out`
 * @returns float64 [n, C]; NaN in the rows of `out`
 */
export function leftOutScores(
  left: Float64Array,
  targets: Float64Array,
  columns: number,
  starts: Int32Array,
  out?: number,
): Float64Array {
  const means = leftOutMeans(targets, columns, starts, out);
  return means.map((mean, at) => targets[at]! - left[at]! - mean);
}
