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

/** What leaving a fold of the rows out says of all rows. */
export interface FoldLeftOut {
  readonly begin: number;
  readonly end: number;
  /**
   * float64 [n, C]: in rows outside of the fold, residuals when the fold and the row's patient are both left out, which is
   * what a choice that may not know the fold is made by; in rows of the fold NaN.
   */
  readonly others: Float64Array;
  /** float64 [m, C]: residuals of the fold's rows. */
  readonly own: Float64Array;
  /**
   * Residuals of the fold's first column when one more patient is left out as well, float64 [m].
   *
   * @param patient outside of the fold
   */
  readonly withPatient: (patient: number) => Float64Array;
}

/**
 * Leaves out rows begin … end − 1, which are whole patients, and with them each other patient in turn.
 *
 * With L·Lᵀ = (I − H)_FF and Z = L⁻¹·(I − H)_F·, what remains of I − H is (I − H) − Zᵀ·Z.
 */
export function leaveFoldOut(leaveOut: LeaveOut, begin: number, end: number): FoldLeftOut {
  const { residualMaker, residuals, starts, columns } = leaveOut;
  const count = residuals.length / columns;
  const size = end - begin;
  const factor = takeBlock(residualMaker, count, begin, size);
  factorCholesky(factor, size);
  const own = residuals.slice(begin * columns, end * columns);
  solveCholesky(factor, size, own, columns);
  /** Row i is L⁻¹·(I − H)_Fi. */
  const coupled = new Float64Array(count * size);
  for (let row = 0; row < count; row++) {
    if (row >= begin && row < end) continue;
    coupled.set(residualMaker.subarray(row * count + begin, row * count + end), row * size);
  }
  substituteForward(factor, size, coupled);
  const others = new Float64Array(residuals.length);
  for (let row = 0; row < count; row++)
    for (let column = 0; column < columns; column++) {
      let value = residuals[row * columns + column]!;
      if (row >= begin && row < end) value = NaN;
      else
        for (let k = 0; k < size; k++)
          value -= residualMaker[row * count + begin + k]! * own[k * columns + column]!;
      others[row * columns + column] = value;
    }
  for (let patient = 0; patient + 1 < starts.length; patient++) {
    const first = starts[patient]!;
    if (first >= begin && first < end) continue;
    const rows = starts[patient + 1]! - first;
    const block = takeBlock(residualMaker, count, first, rows);
    for (let i = 0; i < rows; i++)
      for (let j = 0; j <= i; j++) {
        let sum = 0;
        const a = (first + i) * size;
        const b = (first + j) * size;
        for (let k = 0; k < size; k++) sum += coupled[a + k]! * coupled[b + k]!;
        block[i * rows + j]! -= sum;
      }
    factorCholesky(block, rows);
    solveCholesky(block, rows, others, columns, first * columns);
  }
  const withPatient = (patient: number) => {
    const change = new Float64Array(size);
    for (let row = starts[patient]!; row < starts[patient + 1]!; row++)
      for (let k = 0; k < size; k++)
        change[k]! += residualMaker[row * count + begin + k]! * others[row * columns]!;
    solveCholesky(factor, size, change, 1);
    return change.map((value, k) => own[k * columns]! - value);
  };
  return { begin, end, others, own, withPatient };
}

/** Solves L·x = b in place for many right-hand sides, which are rows; four of them at a time. */
function substituteForward(factor: Float64Array, size: number, rows: Float64Array): void {
  const count = rows.length / size;
  const whole = count - (count % 4);
  for (let row = 0; row < whole; row += 4) {
    const a = row * size;
    const b = a + size;
    const c = b + size;
    const d = c + size;
    for (let i = 0; i < size; i++) {
      const line = i * size;
      let sumA = rows[a + i]!;
      let sumB = rows[b + i]!;
      let sumC = rows[c + i]!;
      let sumD = rows[d + i]!;
      for (let k = 0; k < i; k++) {
        const value = factor[line + k]!;
        sumA -= value * rows[a + k]!;
        sumB -= value * rows[b + k]!;
        sumC -= value * rows[c + k]!;
        sumD -= value * rows[d + k]!;
      }
      const pivot = 1 / factor[line + i]!;
      rows[a + i] = sumA * pivot;
      rows[b + i] = sumB * pivot;
      rows[c + i] = sumC * pivot;
      rows[d + i] = sumD * pivot;
    }
  }
  for (let row = whole; row < count; row++)
    for (let i = 0; i < size; i++) {
      let sum = rows[row * size + i]!;
      for (let k = 0; k < i; k++) sum -= factor[i * size + k]! * rows[row * size + k]!;
      rows[row * size + i] = sum / factor[i * size + i]!;
    }
}

function takeBlock(matrix: Float64Array, count: number, begin: number, size: number): Float64Array {
  const block = new Float64Array(size * size);
  for (let i = 0; i < size; i++)
    for (let k = 0; k < size; k++) block[i * size + k] = matrix[(begin + i) * count + begin + k]!;
  return block;
}

/** Rows that are left out besides each patient. */
export interface RowSpan {
  readonly begin: number;
  readonly end: number;
}

/**
 * Mean target of the rows that remain when each patient is left out (and the fold too), float64 [n, C]. In the rows of
 * the fold it is the mean without the fold.
 */
export function leftOutMeans(
  targets: Float64Array,
  columns: number,
  starts: Int32Array,
  fold: RowSpan = { begin: 0, end: 0 },
): Float64Array {
  const means = new Float64Array(targets.length);
  const rows = targets.length / columns - (fold.end - fold.begin);
  const sum = (begin: number, end: number, column: number) => {
    let total = 0;
    for (let row = begin; row < end; row++) total += targets[row * columns + column]!;
    return total;
  };
  for (let column = 0; column < columns; column++) {
    const total = sum(0, targets.length / columns, column) - sum(fold.begin, fold.end, column);
    for (let group = 0; group + 1 < starts.length; group++) {
      const begin = starts[group]!;
      const end = starts[group + 1]!;
      const inside = begin >= fold.begin && begin < fold.end;
      const mean = inside ? total / rows : (total - sum(begin, end, column)) / (rows - (end - begin));
      for (let row = begin; row < end; row++) means[row * columns + column] = mean;
    }
  }
  return means;
}

/**
 * Scores of rows left out: prediction minus the mean target of the rows that the ridge was fitted on.
 *
 * The mean is taken off because it alone, being lower whenever positives are left out, ranks positives below negatives.
 *
 * @param left   residuals of {@link leaveEachOut} with the same `starts`, or `others` of {@link leaveFoldOut} with that fold
 * @param starts where patients begin (or folds, when `left` is of folds)
 * @returns float64 [n, C]; NaN in the rows of the fold
 */
export function leftOutScores(
  left: Float64Array,
  targets: Float64Array,
  columns: number,
  starts: Int32Array,
  fold?: RowSpan,
): Float64Array {
  const means = leftOutMeans(targets, columns, starts, fold);
  return means.map((mean, at) => scoreOf(targets[at]!, left[at]!, mean));
}

/** A score of rounding alone is 0: it would have the sign of what was rounded, and so rank labels. */
export function scoreOf(target: number, left: number, mean: number): number {
  const score = target - left - mean;
  return Math.abs(score) < 1e-12 * (Math.abs(target) + Math.abs(mean)) ? 0 : score;
}
