import { conformalSet, jackknifeInterval, patientQuantile } from './conformal.ts';
import { penalty } from './evaluate-layer.ts';
import { makeFactor, makeLayerMatrix } from './factor.ts';
import { calibrate, classProbabilities } from './heads.ts';
import type { FieldKind } from './heads.ts';
import { leaveEachOut, leavePairsOut, leftOutScores, prepareLeaveOut } from './leave-out.ts';
import type { LeaveOut } from './leave-out.ts';
import { patientWeights } from './patient-groups.ts';
import type { PatientGroups } from './patient-groups.ts';
import { takeColumns } from './pattern.ts';
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
  /** Patients who chose this layer and penalty, and are answered here. */
  readonly out: Int32Array;
}

/** Answers for the images of one request, in the order of its patients. */
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
  return job.requests.map(({ field, lambda, out }) => {
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
      ? answerNumbers(leaveOut, targets, pattern.groups, out, job.alpha)
      : answerClasses(leaveOut, kind, classes, targets, pattern, field, out, job.alpha);
  });
}

function answerClasses(
  leaveOut: LeaveOut,
  kind: Exclude<FieldKind, 'number'>,
  classes: number,
  targets: Float64Array,
  { groups, labels }: Pattern,
  field: number,
  out: Int32Array,
  alpha: number,
): CalibratedAnswers {
  const { columns } = leaveOut;
  const { starts } = groups;
  const weights = patientWeights(groups);
  const scores = leftOutScores(leaveEachOut(leaveOut), targets, columns, starts);
  const near = calibrate(kind, scores, targets, columns);
  const places = placesOf(starts, out);
  const answers = new Float64Array(places.length * classes);
  const sets = new Uint8Array(places.length * classes);
  const inner = new Float64Array(targets.length);
  let row = 0;
  for (const patient of out) {
    leavePairsOut(leaveOut, patient, inner);
    const others = leftOutScores(inner, targets, columns, starts, patient);
    const scaling = calibrate(kind, others, targets, columns, near);
    const misfit = nonconformity(kind, others, columns, scaling, labels[field]!);
    const bound = patientQuantile(misfit, weights, groups.patients.length - 1, alpha);
    for (let place = starts[patient]!; place < starts[patient + 1]!; place++, row++) {
      const own = classProbabilities(kind, scores.subarray(place * columns, (place + 1) * columns), scaling);
      answers.set(own, row * classes);
      for (const value of conformalSet(own, bound)) sets[row * classes + value] = 1;
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

/** Jackknife+ for every patient asked for: all predictions without that patient and one other. */
function answerNumbers(
  leaveOut: LeaveOut,
  targets: Float64Array,
  groups: PatientGroups,
  out: Int32Array,
  alpha: number,
): CalibratedAnswers {
  const { starts } = groups;
  const count = targets.length;
  const patients = groups.patients.length;
  const weights = patientWeights(groups);
  /** Row p: residuals of all images when p and their own patient are left out. */
  const pairs = new Float64Array(patients * count);
  for (let patient = 0; patient < patients; patient++)
    leavePairsOut(leaveOut, patient, pairs.subarray(patient * count, (patient + 1) * count));
  const left = leaveEachOut(leaveOut);
  const places = placesOf(starts, out);
  const answers = new Float64Array(places.length * 3);
  let row = 0;
  for (const patient of out) {
    const missed = pairs.subarray(patient * count, (patient + 1) * count).map(Math.abs);
    for (let place = starts[patient]!; place < starts[patient + 1]!; place++, row++) {
      const predictions = new Float64Array(count);
      for (let other = 0; other < patients; other++)
        predictions.fill(targets[place]! - pairs[other * count + place]!, starts[other]!, starts[other + 1]!);
      const { low, high } = jackknifeInterval(predictions, missed, weights, patients - 1, alpha);
      answers.set([targets[place]! - left[place]!, low, high], row * 3);
    }
  }
  return { places, answers, sets: new Uint8Array(0) };
}

function placesOf(starts: Int32Array, patients: Int32Array): Int32Array {
  const places: number[] = [];
  for (const patient of patients)
    for (let place = starts[patient]!; place < starts[patient + 1]!; place++) places.push(place);
  return Int32Array.from(places);
}
