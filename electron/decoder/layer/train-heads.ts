import { nonconformity } from './calibrate-layer.ts';
import { patientQuantile } from '../measure/conformal.ts';
import { penalty } from './evaluate-layer.ts';
import { makeFactor, makeLayerMatrix, meanOfRows } from '../linear/factor.ts';
import type { Factor } from '../linear/factor.ts';
import { calibrate } from '../measure/heads.ts';
import { leaveEachOut, leftOutScores, prepareLeaveOut } from '../linear/leave-out.ts';
import type { LeaveOut } from '../linear/leave-out.ts';
import { patientWeights } from './patient-groups.ts';
import { takeColumns } from './pattern.ts';
import type { Pattern } from './pattern.ts';
import type { PlattScaling } from '../measure/platt.ts';
import { fitRidge, weightsOf } from '../linear/ridge.ts';

/** The heads themselves, fitted on all images of a pattern. */
export interface TrainJob {
  readonly kind: 'train';
  readonly values: Float32Array;
  readonly count: number;
  readonly width: number;
  readonly pattern: Pattern;
  readonly alpha: number;
  readonly requests: readonly { readonly field: number; readonly lambda: number }[];
}

export interface TrainedHead {
  /** λ in units of squared features. */
  readonly penalty: number;
  /** float64 [C, D] */
  readonly weights: Float64Array;
  /** float64 [D]: mean of the training images' features; score = weights·(x − mean). */
  readonly mean: Float64Array;
  /** float64 [C]: prediction at the mean. */
  readonly targetMeans: Float64Array;
  readonly scaling: readonly PlattScaling[];
  /** Largest 1 − probability of a class that stays in the conformal set; unused by a number. */
  readonly bound: number;
  readonly folds: FoldModels | undefined;
}

/** Models without a fold of the patients each, for the interval of a number (CV+). */
export interface FoldModels {
  readonly count: number;
  /** float64 [F, D] */
  readonly weights: Float64Array;
  /** float64 [F] */
  readonly targetMeans: Float64Array;
  /** float64 [n]: what the model without the image's fold missed it by, absolute. */
  readonly residuals: Float64Array;
  /** float64 [n]: fold of each image. */
  readonly foldOf: Float64Array;
  /** float64 [n]: 1 / number of the patient's images. */
  readonly shares: Float64Array;
}

export function trainHeads(job: TrainJob): TrainedHead[] {
  const { pattern, alpha } = job;
  const { groups } = pattern;
  const matrix = makeLayerMatrix(job.values, job.count, job.width);
  const factor = makeFactor(matrix, groups.rows);
  const mean = meanOfRows(matrix, groups.rows).map((value, k) => value + matrix.mean[k]!);
  return job.requests.map(({ field, lambda: relative }) => {
    const { begin, columns, kind } = pattern.fields[field]!;
    const lambda = penalty(factor, relative);
    const targets = takeColumns(pattern.targets, pattern.columns, begin, columns);
    const fit = fitRidge(factor, targets, columns, lambda);
    const weights = new Float64Array(columns * job.width);
    for (let column = 0; column < columns; column++)
      weights.set(weightsOf(factor, fit, columns, column), column * job.width);
    const leaveOut = prepareLeaveOut(factor, groups.starts, targets, columns, lambda);
    const shared = { penalty: lambda, weights, mean, targetMeans: fit.means };
    if (kind === 'number') {
      const folds = trainFolds(factor, leaveOut, targets, pattern, lambda, job.width);
      return { ...shared, scaling: [], bound: Infinity, folds };
    }
    const scores = leftOutScores(leaveEachOut(leaveOut), targets, columns, groups.starts);
    const scaling = calibrate(kind, scores, targets, columns);
    const misfit = nonconformity(kind, scores, columns, scaling, pattern.labels[field]!);
    const bound = patientQuantile(misfit, patientWeights(groups), groups.patients.length, alpha);
    return { ...shared, scaling, bound, folds: undefined };
  });
}

/**
 * A ridge without some rows is the ridge of all rows in which those targets are replaced by what the former predicts for
 * them; so the models of all folds are columns of one fit.
 */
function trainFolds(
  factor: Factor,
  leaveOut: LeaveOut,
  targets: Float64Array,
  { folds, groups }: Pattern,
  lambda: number,
  width: number,
): FoldModels {
  const rows = targets.length;
  const count = folds.length - 1;
  const left = leaveEachOut({ ...leaveOut, starts: folds });
  const foldOf = new Float64Array(rows);
  for (let fold = 0; fold < count; fold++) foldOf.fill(fold, folds[fold], folds[fold + 1]);
  const replaced = Float64Array.from({ length: rows * count }, (_, at) => {
    const row = Math.floor(at / count);
    return targets[row]! - (foldOf[row] === at % count ? left[row]! : 0);
  });
  const fit = fitRidge(factor, replaced, count, lambda);
  const weights = new Float64Array(count * width);
  for (let fold = 0; fold < count; fold++) weights.set(weightsOf(factor, fit, count, fold), fold * width);
  return {
    count,
    weights,
    targetMeans: fit.means,
    residuals: left.map(Math.abs),
    foldOf,
    shares: patientWeights(groups),
  };
}
