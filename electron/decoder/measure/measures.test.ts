import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { estimate, samplePatients } from './bootstrap.ts';
import { conformalSet, jackknifeInterval, patientQuantile } from './conformal.ts';
import { decomposeSymmetric } from '../linear/symmetric-eigen.ts';
import { gram, multiplyTransposed } from '../linear/gram.ts';
import { classProbabilities, makeDescending } from './heads.ts';
import { metadataFeatures } from '../request/metadata.ts';
import { auroc, expectedCalibrationError, rankScores, riskCoverage, weightedMean } from './metrics.ts';
import { pixelFeatures, pixelWidth } from '../request/pixels.ts';
import { fitPlatt } from './platt.ts';
import { seededRandom } from '../linear/random.ts';

const scored = fc.array(fc.tuple(fc.integer({ min: -5, max: 5 }), fc.integer({ min: 0, max: 1 })), {
  minLength: 2,
  maxLength: 40,
});

test('AUROC is the share of pairs in the right order, ties half', () => {
  fc.assert(
    fc.property(scored, (rows) => {
      const scores = Float64Array.from(rows, ([score]) => score);
      const positive = Float64Array.from(rows, ([, label]) => label);
      let pairs = 0;
      let right = 0;
      for (const [a, first] of rows)
        for (const [b, second] of rows) {
          if (first !== 1 || second !== 0) continue;
          pairs++;
          right += a > b ? 1 : a === b ? 0.5 : 0;
        }
      const area = auroc(rankScores(scores), positive);
      if (pairs === 0) expect(area).toBeNaN();
      else expect(area).toBeCloseTo(right / pairs, 12);
    }),
  );
});

test('weights are repetitions', () => {
  fc.assert(
    fc.property(scored, fc.infiniteStream(fc.integer({ min: 0, max: 3 })), (rows, stream) => {
      const weights = rows.map(() => stream.next().value as number);
      const repeated = rows.flatMap((row, at) => new Array<(typeof rows)[number]>(weights[at]!).fill(row));
      const areaOf = (list: typeof rows, own?: Float64Array) =>
        auroc(
          rankScores(Float64Array.from(list, ([score]) => score)),
          Float64Array.from(list, ([, label]) => label),
          own,
        );
      const [a, b] = [areaOf(rows, Float64Array.from(weights)), areaOf(repeated)];
      if (Number.isNaN(b)) expect(a).toBeNaN();
      else expect(a).toBeCloseTo(b, 12);
    }),
  );
});

test('a symmetric matrix is its eigenvectors times its eigenvalues', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 30 }),
      fc.integer({ min: 1, max: 30 }),
      fc.integer(),
      (size, rank, seed) => {
        const random = seededRandom(seed);
        const matrix = gram(
          Float64Array.from({ length: size * rank }, () => random.next() - 0.5),
          size,
          rank,
        );
        const { values, vectors } = decomposeSymmetric(matrix, size);
        const scaled = vectors.map((value, at) => value * values[at % size]!);
        multiplyTransposed(scaled, size, vectors, size, size).forEach((value, at) =>
          expect(value).toBeCloseTo(matrix[at]!, 10),
        );
        gram(vectors, size, size).forEach((value, at) =>
          expect(value).toBeCloseTo(at % (size + 1) === 0 ? 1 : 0, 10),
        );
        expect([...values]).toEqual([...values].sort((a, b) => b - a));
      },
    ),
    { numRuns: 40 },
  );
});

test('values made descending keep their sum, and those that descend stay', () => {
  fc.assert(
    fc.property(
      fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 1, maxLength: 8 }),
      (list) => {
        const values = Float64Array.from(list);
        const made = makeDescending(values);
        made.forEach((value, at) => expect(at === 0 || value <= made[at - 1]! + 1e-12).toBe(true));
        expect(made.reduce((a, b) => a + b, 0)).toBeCloseTo(
          values.reduce((a, b) => a + b, 0),
          10,
        );
        const sorted = values.toSorted((a, b) => b - a);
        expect([...makeDescending(sorted)]).toEqual([...sorted]);
      },
    ),
  );
});

test('probabilities of ordinal and categorical heads add up to 1 and are not negative', () => {
  const scaling = [1, 2, 3].map((slope) => ({ slope, offset: -0.5 }));
  fc.assert(
    fc.property(
      fc.array(fc.double({ min: -5, max: 5, noNaN: true }), { minLength: 3, maxLength: 3 }),
      (scores) => {
        for (const kind of ['ordinal', 'categorical'] as const) {
          const own = classProbabilities(kind, scores, scaling);
          expect(own.length).toBe(kind === 'ordinal' ? 4 : 3);
          expect(own.reduce((a, b) => a + b, 0)).toBeCloseTo(1, 12);
          expect(Math.min(...own)).toBeGreaterThanOrEqual(-1e-15);
        }
      },
    ),
  );
});

test('Platt’s scaling finds the logit that scores came from', () => {
  const random = seededRandom(2);
  const scores = Float64Array.from({ length: 20_000 }, () => 4 * random.next() - 1);
  const positive = scores.map((score) => (random.next() < 1 / (1 + Math.exp(-(1.5 * score - 0.7))) ? 1 : 0));
  const { slope, offset } = fitPlatt(scores, positive);
  expect(Math.abs(slope - 1.5)).toBeLessThan(0.08);
  expect(Math.abs(offset + 0.7)).toBeLessThan(0.08);
  const near = fitPlatt(scores, positive, { slope: slope * 1.01, offset: offset - 0.01 });
  expect(near.slope).toBeCloseTo(slope, 9);
});

test('a bootstrap of patients has the width that theory gives for a mean', () => {
  const random = seededRandom(4);
  const patients = 200;
  const starts = Int32Array.from({ length: patients + 1 }, (_, patient) => 2 * patient);
  // Both images of a patient show the same: 400 rows hold no more than 200.
  const values = Float64Array.from({ length: patients }, () => random.below(2));
  const samples = samplePatients(starts, 2000, 1);
  const { value, low, high } = estimate(
    (weights) => weightedMean(2 * patients, (row) => values[row >> 1]!, weights),
    samples,
  );
  const deviation = Math.sqrt((value! * (1 - value!)) / patients);
  expect((high! - low!) / (2 * 1.96 * deviation)).toBeGreaterThan(0.9);
  expect((high! - low!) / (2 * 1.96 * deviation)).toBeLessThan(1.1);
  expect(samplePatients(starts, 3, 1)).toEqual(samplePatients(starts, 3, 1));
});

describe('conformal prediction', () => {
  test('a new patient is covered as often as promised', () => {
    const random = seededRandom(9);
    let covered = 0;
    const rounds = 2000;
    for (let round = 0; round < rounds; round++) {
      const draw = () => random.next() ** 2;
      const scores = Float64Array.from({ length: 40 }, draw);
      if (draw() <= patientQuantile(scores, new Float64Array(40).fill(1), 40, 0.1)) covered++;
    }
    // 0.9 … 0.9 + 1/41, and three deviations of 2,000 rounds.
    expect(covered / rounds).toBeGreaterThan(0.88);
    expect(covered / rounds).toBeLessThan(0.945);
  });

  test('few patients exclude nothing', () => {
    expect(patientQuantile(Float64Array.of(0.1, 0.2), Float64Array.of(1, 1), 2, 0.1)).toBe(Infinity);
    expect(conformalSet(Float64Array.of(0.2, 0.8), Infinity)).toEqual([0, 1]);
    expect(conformalSet(Float64Array.of(0.2, 0.8), 0.01)).toEqual([1]);
  });

  test('an interval holds the models’ predictions and what they missed', () => {
    const predictions = new Float64Array(30).fill(5);
    const residuals = Float64Array.from({ length: 30 }, (_, at) => at / 10);
    const weights = new Float64Array(30).fill(1);
    const { low, high } = jackknifeInterval(predictions, residuals, weights, 30, 0.1);
    expect(low).toBeCloseTo(5 - 2.7, 12);
    expect(high).toBeCloseTo(5 + 2.7, 12);
  });
});

test('calibration error and risk over coverage of a case counted by hand', () => {
  const confidence = Float64Array.of(0.95, 0.95, 0.65, 0.65);
  const right = Float64Array.of(1, 1, 1, 0);
  expect(expectedCalibrationError(confidence, right)).toBeCloseTo(0.5 * 0.05 + 0.5 * 0.15, 12);
  expect(riskCoverage(rankScores(confidence), right)).toEqual({
    coverage: [0.5, 1],
    risk: [0, 0.25],
    area: 0.125,
  });
});

describe('baselines', () => {
  test('pixels: mean colours of cells, and histograms that add up to 1', () => {
    const [width, height] = [48, 33];
    const pixels = new Uint8Array(width * height * 3);
    for (let at = 0; at < width * height; at++) pixels.set([at % width < 24 ? 255 : 0, 51, 128], 3 * at);
    const features = pixelFeatures(pixels, width, height);
    expect(features.length).toBe(pixelWidth);
    expect(features[0]).toBeCloseTo(1, 6);
    expect(features[15 * 3]).toBeCloseTo(0, 6);
    expect(features[1]).toBeCloseTo(0.2, 6);
    const green = features.slice(3 * 16 * 16 + 16, 3 * 16 * 16 + 32);
    expect(green[3]).toBeCloseTo(4, 6);
    expect(green.reduce((sum, value) => sum + value ** 2, 0)).toBeCloseTo(16, 6);
    expect(pixelFeatures(new Uint8Array(3).fill(255), 1, 1)[0]).toBe(1);
    expect(() => pixelFeatures(pixels, width, height + 1)).toThrow(RangeError);
  });

  test('metadata: names, numbers and what is not known', () => {
    const { names, values, width } = metadataFeatures([
      { name: 'camera', values: ['A', 'B', null] },
      { name: 'age', values: [10, 30, null] },
    ]);
    expect(names).toEqual(['camera: A', 'camera: B', 'camera: unknown', 'age', 'age: unknown']);
    expect(Array.from({ length: 3 }, (_, row) => [...values.slice(row * width, (row + 1) * width)])).toEqual([
      [1, 0, 0, -1, 0],
      [0, 1, 0, 1, 0],
      [0, 0, 1, 0, 1],
    ]);
  });
});
