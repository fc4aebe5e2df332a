import { describe, expect, it } from 'vitest';
import { summariseEmergence } from './group-emergence.ts';
import { compareGroups, permutationTest, signFlipTest } from './max-t.ts';
import { averageByPatient, bootstrapDifference, bootstrapMean, type PatientCurve } from './patients.ts';
import { createNormal, createRandom } from '../statistics/seeded-random.ts';

const numLayers = 8;

/** Two eyes of each patient, alike by the intraclass correlation; neighbouring layers alike too. */
function drawEyes(normal: () => number, patients: readonly string[], shift = 0): PatientCurve[] {
  const correlation = 0.7;
  const curve = () => {
    let value = normal();
    return Array.from({ length: numLayers }, () => (value = 0.8 * value + 0.6 * normal()));
  };
  return patients.flatMap((patient) => {
    const own = curve();
    return [0, 1].map(() => {
      const eye = curve();
      return {
        patient,
        curve: own.map(
          (value, layer) => Math.sqrt(correlation) * value + Math.sqrt(1 - correlation) * eye[layer]! + shift,
        ),
      };
    });
  });
}
const names = (count: number, prefix = 'p') =>
  Array.from({ length: count }, (_, index) => `${prefix}${index}`);

/** Share of simulations in which any layer is significant at 5 % after the correction. */
function positives(trials: number, test: (normal: () => number, seed: number) => readonly number[]): number {
  const normal = createNormal(createRandom(77));
  let found = 0;
  for (let trial = 0; trial < trials; trial++) if (Math.min(...test(normal, trial)) <= 0.05) found++;
  return found / trials;
}

describe('groups of patients with two eyes each, intraclass correlation 0.7, no effect', () => {
  it('two groups of other patients: false positives 5 % ± 2', { timeout: 120_000 }, () => {
    const share = positives(700, (normal, seed) => {
      const a = averageByPatient(drawEyes(normal, names(12)));
      const b = averageByPatient(drawEyes(normal, names(12, 'q')));
      return compareGroups(a, b, 199, seed).correctedP;
    });
    expect(share).toBeGreaterThanOrEqual(0.03);
    expect(share).toBeLessThanOrEqual(0.07);
  });

  it('the same patients twice, paired: false positives 5 % ± 2', { timeout: 120_000 }, () => {
    const share = positives(700, (normal, seed) => {
      const before = averageByPatient(drawEyes(normal, names(13)));
      const after = averageByPatient(drawEyes(normal, names(13)));
      const found = compareGroups(before, after, 199, seed);
      expect(found.method).toBe('sign-flip');
      return found.correctedP;
    });
    expect(share).toBeGreaterThanOrEqual(0.03);
    expect(share).toBeLessThanOrEqual(0.07);
  });

  it('photographs taken for patients would find more than twice as many', { timeout: 120_000 }, () => {
    const share = positives(300, (normal, seed) => {
      const eyes = (prefix: string) => drawEyes(normal, names(12, prefix)).map(({ curve }) => curve);
      return permutationTest(eyes('p'), eyes('q'), 199, seed).correctedP;
    });
    expect(share).toBeGreaterThan(0.1);
  });

  it('a real difference is found, and equal photographs on both sides differ in nothing', () => {
    const normal = createNormal(createRandom(5));
    const photographs = drawEyes(normal, names(12));
    const group = averageByPatient(photographs);
    const shifted = averageByPatient(drawEyes(normal, names(12, 'q'), 3));
    expect(Math.max(...compareGroups(shifted, group, 499, 1).correctedP)).toBeLessThanOrEqual(0.01);
    const same = compareGroups(group, averageByPatient(photographs), 499, 1);
    expect(same.difference).toEqual(Array<number>(numLayers).fill(0));
    expect(same.correctedP).toEqual(Array<number>(numLayers).fill(1));
  });
});

it('groups that differ have a small p where they differ, and only there; so has the interval', () => {
  const random = createRandom(1);
  const noise = () => random() - 0.5;
  const draw = (prefix: string, shift: number) =>
    averageByPatient(names(12, prefix).map((patient) => ({ patient, curve: [noise(), shift + noise()] })));
  const [group, control] = [draw('a', 3), draw('b', 0)];
  const { p, correctedP } = permutationTest([...group.values()], [...control.values()], 999, 1);
  expect(p[0]).toBeGreaterThan(0.05);
  expect(p[1]).toBe(0.001);
  expect(correctedP[1]).toBe(0.001);
  const { lower, upper } = bootstrapDifference(group, control, 999, 1);
  expect(lower[0]).toBeLessThan(0);
  expect(upper[0]).toBeGreaterThan(0);
  expect(lower[1]).toBeGreaterThan(2.5);
  expect(upper[1]).toBeLessThan(3.5);
});

describe('sign flips', () => {
  it('of few patients are all tried: the least p is 2 of 2ⁿ', () => {
    const differences = Array.from({ length: 6 }, (_, patient) => [1 + patient / 10]);
    const { p, attainableP } = signFlipTest(differences, 999, 1);
    expect(attainableP).toBe(2 / 64);
    expect(p[0]).toBe(2 / 64);
    expect(() => signFlipTest([[1]], 99, 1)).toThrow(RangeError);
  });

  it('patients of both groups are left out where most are in one only, and named', () => {
    const normal = createNormal(createRandom(9));
    const a = averageByPatient(drawEyes(normal, [...names(5), 'both']));
    const b = averageByPatient(drawEyes(normal, [...names(5, 'q'), 'both']));
    expect(compareGroups(a, b, 99, 1)).toMatchObject({
      leftOut: ['both'],
      numPatients: 10,
      method: 'permutation',
    });
  });
});

it('the mean weighs patients alike, however many photographs they have, and its interval holds it', () => {
  const patients = averageByPatient([
    { patient: 'a', curve: [0] },
    { patient: 'a', curve: [0] },
    { patient: 'a', curve: [0] },
    { patient: 'b', curve: [4] },
  ]);
  const { mean, lower, upper, numPatients } = bootstrapMean(patients, 400, 1);
  expect([mean, numPatients]).toEqual([[2], 2]);
  expect([lower[0], upper[0]]).toEqual([0, 4]);
});

describe('emergence of a group', () => {
  const photographs = [
    { patient: 'a', layer: 2 },
    { patient: 'a', layer: 3 },
    { patient: 'b', layer: 3 },
    { patient: 'c', layer: null },
    { patient: 'd', layer: null },
  ];

  it('ends at the share that ever emerges, and half of all is half of the patients', () => {
    const found = summariseEmergence(photographs, 5, 300, 1);
    expect(found.cumulative).toEqual([0, 0, 0.125, 0.5, 0.5]);
    expect(found).toMatchObject({ never: 0.5, layer: 3, numPatients: 4, numPhotographs: 5 });
    expect(found.interval[0]).toBeGreaterThanOrEqual(2);
    expect(found.interval[1]).toBeNull();
    expect(found.neverInterval[0]).toBeLessThan(0.5);
    expect(found.neverInterval[1]).toBeGreaterThan(0.5);
  });

  it('that never emerges has no layer, and no interval of layers', () => {
    const never = summariseEmergence([{ patient: 'a', layer: null }], 5, 50, 1);
    expect(never).toMatchObject({ never: 1, layer: null, interval: [null, null] });
  });

  it('says of four patients who are alike no more than four patients allow', () => {
    const all = ['a', 'b', 'c', 'd'].map((patient) => ({ patient, layer: 3 }));
    const [lower, upper] = summariseEmergence(all, 5, 50, 1).neverInterval;
    // 1 − 0.025^(1/4), as of 0 in 4.
    expect(lower).toBe(0);
    expect(upper).toBeCloseTo(0.6024, 4);
    const none = summariseEmergence(
      all.map(({ patient }) => ({ patient, layer: null })),
      5,
      50,
      1,
    );
    expect(none.neverInterval[0]).toBeCloseTo(0.3976, 4);
    expect(none.neverInterval[1]).toBe(1);
  });
});
