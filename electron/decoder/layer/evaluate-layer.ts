import { makeFactor, makeLayerMatrix } from '../linear/factor.ts';
import type { Factor, LayerMatrix } from '../linear/factor.ts';
import {
  leaveEachOut,
  leaveEachOutOf,
  leaveFoldOut,
  leftOutMeans,
  leftOutScores,
  prepareLeaveOut,
  scoreOf,
} from '../linear/leave-out.ts';
import type { PatientGroups } from './patient-groups.ts';
import { foldSpan, takeColumns } from './pattern.ts';
import type { Pattern, PatternField } from './pattern.ts';
import { primaryScoreOf } from '../measure/primary-score.ts';
import { fitRidge, scoreRows } from '../linear/ridge.ts';

/** One layer of one feature set, for all fields. */
export interface EvaluateJob {
  readonly kind: 'evaluate';
  /** float32 [count, width] */
  readonly values: Float32Array;
  readonly count: number;
  readonly width: number;
  /** Multiples of the spread, ascending. */
  readonly lambdas: readonly number[];
  readonly patterns: readonly EvaluatePattern[];
}

export interface EvaluatePattern {
  readonly pattern: Pattern;
  /** Places that labels are taken from, int32 [n] each. */
  readonly permutations: readonly Int32Array[];
  readonly splits: readonly Split[];
}

/** A part of the images that is left out whole; places are those of the pattern's rows. */
export interface Split {
  readonly name: string;
  /** Its `rows` are places. */
  readonly train: Pick<PatientGroups, 'rows' | 'starts'>;
  readonly test: Int32Array;
}

export interface FieldEvaluation {
  /** float64 [Λ]: squared residuals when each patient is left out, summed. */
  readonly errors: Float64Array;
  /** The λ of the smallest of them. */
  readonly best: number;
  /** float64 [F]: for each fold, the same sum over patients outside of it, all fitted without it, at its smallest. */
  readonly innerErrors: Float64Array;
  /** uint8 [F]: the λ that this sum chose. */
  readonly picks: Uint8Array;
  /** float64 [n, columns]: scores of each fold left out, with the λ that the others chose. */
  readonly scores: Float64Array;
  /** Primary scores with labels shuffled between patients, at the λ `best`. */
  readonly shuffled: Float64Array;
  readonly splits: readonly SplitEvaluation[];
}

export interface SplitEvaluation {
  readonly name: string;
  /** Smallest sum of squared residuals inside the training part. */
  readonly error: number;
  /** float64 [m, columns] */
  readonly scores: Float64Array;
}

/** For each pattern, for each of its fields. */
export type EvaluateResult = readonly (readonly FieldEvaluation[])[];

/** Scores every field on one layer, each fold of patients with a model and a penalty that knew nothing of that fold. */
export function evaluateLayer({ values, count, width, lambdas, patterns }: EvaluateJob): EvaluateResult {
  const matrix = makeLayerMatrix(values, count, width);
  return patterns.map((part) => evaluatePattern(matrix, lambdas, part));
}

function evaluatePattern(
  matrix: LayerMatrix,
  lambdas: readonly number[],
  { pattern, permutations, splits }: EvaluatePattern,
): FieldEvaluation[] {
  const { groups, folds, fields, columns, targets } = pattern;
  const factor = makeFactor(matrix, groups.rows);
  const foldCount = folds.length - 1;
  const nested = fields.map((field) => ({
    errors: new Float64Array(lambdas.length),
    innerErrors: new Float64Array(foldCount).fill(Infinity),
    picks: new Uint8Array(foldCount),
    scores: new Float64Array(groups.rows.length * field.columns),
  }));
  // The strongest penalty first: of equal errors it is kept.
  for (let lambda = lambdas.length - 1; lambda >= 0; lambda--) {
    const leaveOut = prepareLeaveOut(
      factor,
      groups.starts,
      targets,
      columns,
      penalty(factor, lambdas[lambda]!),
    );
    const sums = sumSquares(leaveEachOut(leaveOut), columns);
    fields.forEach((field, index) => (nested[index]!.errors[lambda] = sumOver(sums, field)));
    const means = leftOutMeans(targets, columns, folds);
    for (let fold = 0; fold < foldCount; fold++) {
      const { begin, end } = foldSpan(pattern, fold);
      const { others, own: left } = leaveFoldOut(leaveOut, begin, end);
      const innerSums = sumSquares(others, columns);
      fields.forEach((field, index) => {
        const own = nested[index]!;
        const error = sumOver(innerSums, field);
        if (error >= own.innerErrors[fold]!) return;
        own.innerErrors[fold] = error;
        own.picks[fold] = lambda;
        for (let place = begin; place < end; place++)
          for (let column = 0; column < field.columns; column++) {
            const at = place * columns + field.begin + column;
            own.scores[place * field.columns + column] = scoreOf(
              targets[at]!,
              left[at - begin * columns]!,
              means[at]!,
            );
          }
      });
    }
  }
  const left = splits.map((split) => evaluateSplit(matrix, lambdas, pattern, split));
  return fields.map((field, index) => {
    const own = nested[index]!;
    const best = smallest(own.errors);
    const shuffled = scoreShuffled(factor, pattern, field, penalty(factor, lambdas[best]!), permutations);
    return { ...own, best, shuffled, splits: left.map((split) => split[index]!) };
  });
}

/** λ in units of squared features. */
export function penalty(factor: Factor, relative: number): number {
  // Features that are the same everywhere have no spread; any penalty then gives the mean.
  return relative * (factor.spread > 0 ? factor.spread : 1);
}

function scoreShuffled(
  factor: Factor,
  { groups, folds, targets, columns }: Pattern,
  field: PatternField,
  lambda: number,
  permutations: readonly Int32Array[],
): Float64Array {
  const own = field.columns;
  const all = own * permutations.length;
  const dealt = permutations.map((places) => takeColumns(targets, columns, field.begin, own, places));
  const together = new Float64Array(groups.rows.length * all);
  dealt.forEach((part, index) => {
    for (let row = 0; row < groups.rows.length; row++)
      for (let column = 0; column < own; column++)
        together[row * all + index * own + column] = part[row * own + column]!;
  });
  const left = leaveEachOutOf(factor, folds, together, all, lambda);
  const scores = leftOutScores(left, together, all, folds);
  return Float64Array.from(dealt, (part, index) =>
    primaryScoreOf(field.kind, takeColumns(scores, all, index * own, own), part, own, folds),
  );
}

function evaluateSplit(
  matrix: LayerMatrix,
  lambdas: readonly number[],
  { groups, fields, targets, columns }: Pattern,
  { name, train, test }: Split,
): SplitEvaluation[] {
  const factor = makeFactor(
    matrix,
    train.rows.map((place) => groups.rows[place]!),
  );
  const own = takeColumns(targets, columns, 0, columns, train.rows);
  const projected = factor.project(test.map((place) => groups.rows[place]!));
  const found: SplitEvaluation[] = fields.map(() => ({ name, error: Infinity, scores: new Float64Array(0) }));
  for (let index = lambdas.length - 1; index >= 0; index--) {
    const lambda = penalty(factor, lambdas[index]!);
    const sums = sumSquares(leaveEachOutOf(factor, train.starts, own, columns, lambda), columns);
    const scores = scoreRows(fitRidge(factor, own, columns, lambda), projected, factor.rank, columns);
    fields.forEach((field, at) => {
      const error = sumOver(sums, field);
      if (error >= found[at]!.error) return;
      found[at] = { name, error, scores: takeColumns(scores, columns, field.begin, field.columns) };
    });
  }
  return found;
}

/** Of each column; rows that are NaN belong to a patient who is left out. */
function sumSquares(residuals: Float64Array, columns: number): Float64Array {
  const sums = new Float64Array(columns);
  for (let at = 0; at < residuals.length; at += columns) {
    if (Number.isNaN(residuals[at])) continue;
    for (let column = 0; column < columns; column++) sums[column]! += residuals[at + column]! ** 2;
  }
  return sums;
}

function sumOver(sums: Float64Array, { begin, columns }: PatternField): number {
  let sum = 0;
  for (let column = begin; column < begin + columns; column++) sum += sums[column]!;
  return sum;
}

/** Index of the smallest value, the last of equals: the strongest penalty. */
function smallest(values: Float64Array): number {
  let best = values.length - 1;
  for (let index = values.length - 2; index >= 0; index--) if (values[index]! < values[best]!) best = index;
  return best;
}
