import { factorCholesky, solveCholesky } from './cholesky.ts';
import { nonconformity } from './calibrate-layer.ts';
import { patientQuantile } from './conformal.ts';
import { penalty } from './evaluate-layer.ts';
import { makeFactor, makeLayerMatrix, meanOfRows } from './factor.ts';
import type { Factor } from './factor.ts';
import { calibrate } from './heads.ts';
import { leaveEachOut, leftOutScores, prepareLeaveOut } from './leave-out.ts';
import type { LeaveOut } from './leave-out.ts';
import { patientWeights } from './patient-groups.ts';
import type { PatientGroups } from './patient-groups.ts';
import { takeColumns } from './pattern.ts';
import type { Pattern } from './pattern.ts';
import type { PlattScaling } from './platt.ts';
import { seededRandom, shuffledIndices } from './random.ts';
import { fitRidge, weightsOf } from './ridge.ts';

/** The heads themselves, fitted on all images of a pattern. */
export interface TrainJob {
  readonly kind: 'train';
  readonly values: Float32Array;
  readonly count: number;
  readonly width: number;
  readonly pattern: Pattern;
  readonly alpha: number;
  readonly seed: number;
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

/** Folds of a number's interval. */
const foldCount = 20;

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
      const folds = trainFolds(factor, leaveOut, targets, groups, lambda, job.width, job.seed);
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
  { residualMaker, residuals }: LeaveOut,
  targets: Float64Array,
  groups: PatientGroups,
  lambda: number,
  width: number,
  seed: number,
): FoldModels {
  const rows = targets.length;
  const patients = groups.patients.length;
  const count = Math.min(foldCount, patients);
  const foldOf = new Float64Array(rows);
  shuffledIndices(patients, seededRandom(seed)).forEach((patient, at) =>
    foldOf.fill(at % count, groups.starts[patient], groups.starts[patient + 1]),
  );
  const missed = new Float64Array(rows);
  const replaced = new Float64Array(rows * count);
  for (let fold = 0; fold < count; fold++) {
    const places = [...foldOf.keys()].filter((place) => foldOf[place] === fold);
    const size = places.length;
    const block = Float64Array.from(
      { length: size * size },
      (_, at) => residualMaker[places[Math.floor(at / size)]! * rows + places[at % size]!]!,
    );
    const left = Float64Array.from(places, (place) => residuals[place]!);
    factorCholesky(block, size);
    solveCholesky(block, size, left, 1);
    places.forEach((place, index) => (missed[place] = left[index]!));
    for (let row = 0; row < rows; row++)
      replaced[row * count + fold] = targets[row]! - (foldOf[row] === fold ? missed[row]! : 0);
  }
  const fit = fitRidge(factor, replaced, count, lambda);
  const weights = new Float64Array(count * width);
  for (let fold = 0; fold < count; fold++) weights.set(weightsOf(factor, fit, count, fold), fold * width);
  return {
    count,
    weights,
    targetMeans: fit.means,
    residuals: missed.map(Math.abs),
    foldOf,
    shares: patientWeights(groups),
  };
}
