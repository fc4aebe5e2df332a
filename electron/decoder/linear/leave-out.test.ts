import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { factorFeatures, factorRows, makeFactor, makeLayerMatrix } from './factor.ts';
import { leaveEachOut, leaveEachOutOf, leaveFoldOut, leftOutScores, prepareLeaveOut } from './leave-out.ts';
import { groupByPatient } from '../layer/patient-groups.ts';
import { seededRandom } from './random.ts';
import { fitRidge, scoreRows } from './ridge.ts';

/** Features that lie far from 0, with columns of very different size, as a residual stream's do. */
function makeCase(seed: number, count: number, width: number, patientCount: number, columns: number) {
  const random = seededRandom(seed);
  const features = Float32Array.from(
    { length: count * width },
    (_, at) => 3 + (random.next() - 0.5) * 10 ** ((at % width) % 3),
  );
  const patients = Array.from({ length: count }, (_, row) =>
    String(row < patientCount ? row : random.below(patientCount)),
  );
  const groups = groupByPatient(patients, patients.keys());
  const targets = Float64Array.from({ length: count * columns }, () => random.next());
  return { matrix: makeLayerMatrix(features, count, width), groups, targets };
}

/** Predictions for some places from a ridge that is really fitted on the others. */
function refit(
  { matrix, groups, targets }: ReturnType<typeof makeCase>,
  columns: number,
  lambda: number,
  left: number[],
) {
  const places = [...groups.rows.keys()];
  const kept = places.filter(
    (place) => !left.some((p) => place >= groups.starts[p]! && place < groups.starts[p + 1]!),
  );
  const factor = makeFactor(
    matrix,
    Int32Array.from(kept, (place) => groups.rows[place]!),
  );
  const own = Float64Array.from(
    kept.flatMap((place) => [...targets.slice(place * columns, (place + 1) * columns)]),
  );
  const fit = fitRidge(factor, own, columns, lambda);
  const scores = scoreRows(fit, factor.project(groups.rows), factor.rank, columns);
  return { scores, predictions: scores.map((score, at) => score + fit.means[at % columns]!) };
}

const shapes = [
  { name: 'more rows than features', count: 40, width: 7, patients: 40 },
  { name: 'more features than rows', count: 24, width: 60, patients: 24 },
  { name: 'several rows a patient', count: 45, width: 12, patients: 14 },
  { name: 'several rows a patient, wide', count: 30, width: 80, patients: 9 },
];

describe.each(shapes)('$name', ({ count, width, patients }) => {
  test('leaving a patient out equals fitting without that patient, to 1e-9', () => {
    const made = makeCase(count, count, width, patients, 3);
    const { matrix, groups, targets } = made;
    for (const relative of [1e-4, 1, 100]) {
      const factor = makeFactor(matrix, groups.rows);
      const lambda = relative * factor.spread;
      const leaveOut = prepareLeaveOut(factor, groups.starts, targets, 3, lambda);
      const left = leaveEachOut(leaveOut);
      const alone = leaveEachOutOf(factor, groups.starts, targets, 3, lambda);
      const scores = leftOutScores(left, targets, 3, groups.starts);
      let worst = 0;
      for (let patient = 0; patient < groups.patients.length; patient++) {
        const expected = refit(made, 3, lambda, [patient]);
        for (let at = groups.starts[patient]! * 3; at < groups.starts[patient + 1]! * 3; at++) {
          worst = Math.max(
            worst,
            Math.abs(targets[at]! - left[at]! - expected.predictions[at]!),
            Math.abs(targets[at]! - alone[at]! - expected.predictions[at]!),
            Math.abs(scores[at]! - expected.scores[at]!),
          );
        }
      }
      expect(worst).toBeLessThan(1e-9);
    }
  });

  test('leaving a fold and another patient out equals fitting without both, to 1e-9', () => {
    const made = makeCase(count + 1, count, width, patients, 2);
    const { matrix, groups, targets } = made;
    const { starts } = groups;
    const factor = makeFactor(matrix, groups.rows);
    const lambda = 0.1 * factor.spread;
    const leaveOut = prepareLeaveOut(factor, starts, targets, 2, lambda);
    const last = groups.patients.length - 1;
    let worst = 0;
    for (const fold of [[0], [2, 3, 4], [last - 1, last]]) {
      const span = { begin: starts[fold[0]!]!, end: starts[fold.at(-1)! + 1]! };
      const { others, own, withPatient } = leaveFoldOut(leaveOut, span.begin, span.end);
      const scores = leftOutScores(others, targets, 2, starts, span);
      const without = refit(made, 2, lambda, fold);
      own.forEach((left, at) => {
        const place = span.begin * 2 + at;
        worst = Math.max(worst, Math.abs(targets[place]! - left - without.predictions[place]!));
      });
      for (let patient = 0; patient <= last; patient++) {
        if (fold.includes(patient)) continue;
        const expected = refit(made, 2, lambda, [...fold, patient]);
        for (let at = starts[patient]! * 2; at < starts[patient + 1]! * 2; at++)
          worst = Math.max(
            worst,
            Math.abs(targets[at]! - others[at]! - expected.predictions[at]!),
            Math.abs(scores[at]! - expected.scores[at]!),
          );
        withPatient(patient).forEach((left, k) => {
          const at = (span.begin + k) * 2;
          worst = Math.max(worst, Math.abs(targets[at]! - left - expected.predictions[at]!));
        });
      }
      expect(others[span.begin * 2]).toBeNaN();
    }
    expect(worst).toBeLessThan(1e-9);
  });
});

test('the decomposition over rows and the one over features give the same ridge', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 3, max: 25 }),
      fc.integer({ min: 1, max: 25 }),
      fc.integer(),
      (count, width, seed) => {
        const { matrix, groups, targets } = makeCase(seed, count, width, count, 1);
        const rows = groups.rows.slice(0, count - 1);
        const own = targets.slice(0, count - 1);
        const [a, b] = [factorFeatures(matrix, rows), factorRows(matrix, rows)];
        expect(b.spread).toBeCloseTo(a.spread, 8);
        const lambda = 0.01 * a.spread + 1e-6;
        const [fitA, fitB] = [fitRidge(a, own, 1, lambda), fitRidge(b, own, 1, lambda)];
        const [scoresA, scoresB] = [
          scoreRows(fitA, a.project(groups.rows), a.rank, 1),
          scoreRows(fitB, b.project(groups.rows), b.rank, 1),
        ];
        scoresA.forEach((score, at) => expect(scoresB[at]).toBeCloseTo(score, 8));
        const [weightsA, weightsB] = [a.toWeights(fitA.coefficients), b.toWeights(fitB.coefficients)];
        weightsA.forEach((weight, at) => expect(weightsB[at]).toBeCloseTo(weight, 8));
      },
    ),
    { numRuns: 60 },
  );
});
