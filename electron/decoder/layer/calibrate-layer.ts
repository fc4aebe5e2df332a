import { conformalSet, jackknifeInterval, patientQuantile } from '../measure/conformal.ts';
import { penalty } from './evaluate-layer.ts';
import { makeFactor, makeLayerMatrix } from '../linear/factor.ts';
import { calibrate, classProbabilities } from '../measure/heads.ts';
import type { FieldKind } from '../measure/heads.ts';
import {
  leaveEachOut,
  leaveFoldOut,
  leftOutMeans,
  leftOutScores,
  prepareLeaveOut,
} from '../linear/leave-out.ts';
import type { LeaveOut, RowSpan } from '../linear/leave-out.ts';
import { patientWeights } from './patient-groups.ts';
import { foldSpan, takeColumns } from './pattern.ts';
import type { Pattern } from './pattern.ts';

/** What the protocol would have said of patients who had no part in it, for fields at one layer and penalty each. */
export interface CalibrateJob {
  readonly kind: 'calibrate';
  readonly values: Float32Array;
  readonly count: number;
  readonly width: number;
  readonly pattern: Pattern;
  readonly alpha: number;
  readonly requests: readonly CalibrateRequest[];
}

export interface CalibrateRequest {
  /** Place among the pattern's fields. */
  readonly field: number;
  readonly lambda: number;
  /** Folds whose other patients chose this layer and penalty, and whose patients are answered here. */
  readonly folds: Int32Array;
}

/** Answers for the images of one request, in the order of its folds. */
export interface CalibratedAnswers {
  /** int32 [m]: places of the images. */
  readonly places: Int32Array;
  /** float64 [m, K]; of a number [m, 3]: value, lower and upper bound. */
  readonly answers: Float64Array;
  /** uint8 [m, K]: 1 where the conformal set has the class; empty for a number. */
  readonly sets: Uint8Array;
}

export function calibrateLayer(job: CalibrateJob): CalibratedAnswers[] {
  const { pattern } = job;
  const matrix = makeLayerMatrix(job.values, job.count, job.width);
  const factor = makeFactor(matrix, pattern.groups.rows);
  return job.requests.map(({ field, lambda, folds }) => {
    const { begin, columns, kind, classes } = pattern.fields[field]!;
    const targets = takeColumns(pattern.targets, pattern.columns, begin, columns);
    const leaveOut = prepareLeaveOut(
      factor,
      pattern.groups.starts,
      targets,
      columns,
      penalty(factor, lambda),
    );
    return kind === 'number'
      ? answerNumbers(leaveOut, targets, pattern, folds, job.alpha)
      : answerClasses(leaveOut, kind, classes, targets, pattern, field, folds, job.alpha);
  });
}

function answerClasses(
  leaveOut: LeaveOut,
  kind: Exclude<FieldKind, 'number'>,
  classes: number,
  targets: Float64Array,
  pattern: Pattern,
  field: number,
  folds: Int32Array,
  alpha: number,
): CalibratedAnswers {
  const { columns } = leaveOut;
  const { groups, labels } = pattern;
  const { starts } = groups;
  const weights = patientWeights(groups);
  const near = calibrate(
    kind,
    leftOutScores(leaveEachOut(leaveOut), targets, columns, starts),
    targets,
    columns,
  );
  const places = placesOf(pattern, folds);
  const answers = new Float64Array(places.length * classes);
  const sets = new Uint8Array(places.length * classes);
  let row = 0;
  for (const fold of folds) {
    const span = foldSpan(pattern, fold);
    const { others, own } = leaveFoldOut(leaveOut, span.begin, span.end);
    const means = leftOutMeans(targets, columns, starts, span);
    const scores = means.map((mean, at) => targets[at]! - others[at]! - mean);
    const scaling = calibrate(kind, scores, targets, columns, near);
    const misfit = nonconformity(kind, scores, columns, scaling, labels[field]!);
    const bound = patientQuantile(misfit, weights, patientsOutside(starts, span), alpha);
    for (let place = span.begin; place < span.end; place++, row++) {
      const score = Float64Array.from(
        { length: columns },
        (_, column) =>
          targets[place * columns + column]! -
          own[(place - span.begin) * columns + column]! -
          means[place * columns + column]!,
      );
      const probabilities = classProbabilities(kind, score, scaling);
      answers.set(probabilities, row * classes);
      for (const value of conformalSet(probabilities, bound)) sets[row * classes + value] = 1;
    }
  }
  return { places, answers, sets };
}

/** 1 − probability of the true class; NaN where the scores are. */
export function nonconformity(
  kind: Exclude<FieldKind, 'number'>,
  scores: Float64Array,
  columns: number,
  scaling: Parameters<typeof classProbabilities>[2],
  labels: Float64Array,
): Float64Array {
  return labels.map((label, place) => {
    if (Number.isNaN(scores[place * columns])) return NaN;
    const own = classProbabilities(kind, scores.subarray(place * columns, (place + 1) * columns), scaling);
    return 1 - own[label]!;
  });
}

/** Jackknife+ for every fold asked for: all predictions without that fold and one other patient. */
function answerNumbers(
  leaveOut: LeaveOut,
  targets: Float64Array,
  pattern: Pattern,
  folds: Int32Array,
  alpha: number,
): CalibratedAnswers {
  const { starts } = pattern.groups;
  const weights = patientWeights(pattern.groups);
  const places = placesOf(pattern, folds);
  const answers = new Float64Array(places.length * 3);
  let row = 0;
  for (const fold of folds) {
    const span = foldSpan(pattern, fold);
    const size = span.end - span.begin;
    const { others, own, withPatient } = leaveFoldOut(leaveOut, span.begin, span.end);
    const missed = others.map((other) => Math.abs(other));
    /** Row k: what models without the fold and each row's patient predict for the fold's image k. */
    const predictions = new Float64Array(size * targets.length);
    for (let patient = 0; patient + 1 < starts.length; patient++) {
      const begin = starts[patient]!;
      if (begin >= span.begin && begin < span.end) continue;
      withPatient(patient).forEach((left, k) => {
        const prediction = targets[span.begin + k]! - left;
        predictions.fill(prediction, k * targets.length + begin, k * targets.length + starts[patient + 1]!);
      });
    }
    const patients = patientsOutside(starts, span);
    for (let k = 0; k < size; k++, row++) {
      const models = predictions.subarray(k * targets.length, (k + 1) * targets.length);
      const { low, high } = jackknifeInterval(models, missed, weights, patients, alpha);
      answers.set([targets[span.begin + k]! - own[k]!, low, high], row * 3);
    }
  }
  return { places, answers, sets: new Uint8Array(0) };
}

function placesOf(pattern: Pattern, folds: Int32Array): Int32Array {
  const places: number[] = [];
  for (const fold of folds) {
    const { begin, end } = foldSpan(pattern, fold);
    for (let place = begin; place < end; place++) places.push(place);
  }
  return Int32Array.from(places);
}

function patientsOutside(starts: Int32Array, { begin, end }: RowSpan): number {
  return starts.subarray(0, -1).filter((start) => start < begin || start >= end).length;
}
