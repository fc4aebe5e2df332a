import { createRandom } from '../statistics/seeded-random.ts';
import { meanCurve, pairByPatient, partApart, type PatientMeans } from './patients.ts';

export interface LayerTest {
  readonly numPatients: number;
  /** By layer, nats: mean difference. */
  readonly difference: number[];
  /** By layer, two-sided, of this layer alone. */
  readonly p: number[];
  /** By layer, corrected over layers by the largest statistic of every permutation. */
  readonly correctedP: number[];
  /** The least p that so many patients can give. */
  readonly attainableP: number;
  readonly method: 'sign-flip' | 'permutation';
}

/** Below this many patients every flip is tried instead of drawing some. */
const mostExhaustive = 12;

/**
 * Paired sign-flip test over patients with max-T over layers: under the null a patient's whole curve of differences is as
 * likely as its negative.
 *
 * @param differences by patient, [N]; a paired difference of the patient's means
 * @param samples flips that are drawn; all are tried where there are fewer
 * @throws RangeError with fewer than two patients
 * @see Westfall & Young, "Resampling-based multiple testing" (1993)
 */
export function signFlipTest(
  differences: readonly ArrayLike<number>[],
  samples: number,
  seed: number,
): LayerTest {
  const count = differences.length;
  if (count < 2) throw new RangeError(`${count} patients, of which no test can be made`);
  const random = createRandom(seed);
  const isExhaustive = count <= mostExhaustive && 2 ** count <= samples + 1;
  const flips = isExhaustive ? 2 ** count - 1 : samples;
  const signs = new Float64Array(count);
  const flip = (index: number) => {
    for (let patient = 0; patient < count; patient++) {
      const turned = isExhaustive ? ((index >> patient) & 1) === 1 : random() < 0.5;
      signs[patient] = turned ? -1 : 1;
    }
    return studentise(differences, signs);
  };
  const observed = studentise(differences, new Float64Array(count).fill(1));
  // Flip 0 of the exhaustive ones is the observation itself, which is counted anyway.
  const tested = countExtremes(
    observed,
    Array.from({ length: flips }, (_, index) => index + 1),
    flip,
  );
  return {
    ...tested,
    numPatients: count,
    difference: meanCurve(differences),
    attainableP: isExhaustive ? 2 / 2 ** count : 1 / (flips + 1),
    method: 'sign-flip',
  };
}

/**
 * Permutation test of two groups of different patients with max-T over layers; the statistic is Welch's t.
 *
 * @throws RangeError with fewer than two patients in a group
 */
export function permutationTest(
  a: readonly ArrayLike<number>[],
  b: readonly ArrayLike<number>[],
  samples: number,
  seed: number,
): LayerTest {
  if (a.length < 2 || b.length < 2)
    throw new RangeError(`${a.length} and ${b.length} patients, of which no test can be made`);
  const random = createRandom(seed);
  const pooled = [...a, ...b];
  const shuffle = () => {
    for (let last = pooled.length - 1; last > 0; last--) {
      const other = Math.floor(random() * (last + 1));
      [pooled[last], pooled[other]] = [pooled[other]!, pooled[last]!];
    }
    return welch(pooled.slice(0, a.length), pooled.slice(a.length));
  };
  const observed = welch(a, b);
  const tested = countExtremes(
    observed,
    Array.from({ length: samples }, (_, index) => index),
    shuffle,
  );
  const meanB = meanCurve(b);
  return {
    ...tested,
    numPatients: pooled.length,
    difference: meanCurve(a).map((value, layer) => value - meanB[layer]!),
    attainableP: 1 / (samples + 1),
    method: 'permutation',
  };
}

export interface GroupComparison extends LayerTest {
  /** Patients of both groups, who were left out because most of the patients are in one only. */
  readonly leftOut: readonly string[];
}

/**
 * Two groups: paired by patient where all patients of the smaller one are in both, else by permutation of patients, those
 * in both left out.
 */
export function compareGroups(
  a: PatientMeans,
  b: PatientMeans,
  samples: number,
  seed: number,
): GroupComparison {
  const paired = pairByPatient(a, b);
  if (paired !== null) return { ...signFlipTest([...paired.values()], samples, seed), leftOut: [] };
  const shared = [...a.keys()].filter((patient) => b.has(patient));
  return { ...permutationTest(partApart(a, b), partApart(b, a), samples, seed), leftOut: shared };
}

function countExtremes(
  observed: readonly number[],
  draws: readonly number[],
  draw: (index: number) => number[],
) {
  const single = observed.map(() => 1);
  const corrected = observed.map(() => 1);
  for (const index of draws) {
    const values = draw(index).map(Math.abs);
    const largest = Math.max(...values);
    for (const [layer, value] of observed.entries()) {
      // Equal statistics may differ in the last digit, summed in another order.
      const least = Math.abs(value) * (1 - 1e-9);
      if (values[layer]! >= least) single[layer]!++;
      if (largest >= least) corrected[layer]!++;
    }
  }
  const share = (count: number) => count / (draws.length + 1);
  return { p: single.map(share), correctedP: corrected.map(share) };
}

/** By layer, mean over its standard error; 0 where nothing differs. */
function studentise(curves: readonly ArrayLike<number>[], signs: Float64Array): number[] {
  const count = curves.length;
  return Array.from(curves[0]!, (_, layer) => {
    const [sum, squares] = sums(curves, layer, signs);
    const variance = Math.max(0, squares - (sum * sum) / count) / (count - 1);
    return ratio(sum / count, Math.sqrt(variance / count));
  });
}

function welch(a: readonly ArrayLike<number>[], b: readonly ArrayLike<number>[]): number[] {
  return Array.from(a[0]!, (_, layer) => {
    const [left, right] = [a, b].map((group) => {
      const [sum, squares] = sums(group, layer);
      const variance = Math.max(0, squares - (sum * sum) / group.length) / (group.length - 1);
      return [sum / group.length, variance / group.length] as const;
    }) as [readonly [number, number], readonly [number, number]];
    return ratio(left[0] - right[0], Math.sqrt(left[1] + right[1]));
  });
}

function sums(curves: readonly ArrayLike<number>[], layer: number, signs?: Float64Array): [number, number] {
  let [sum, squares] = [0, 0];
  for (const [index, curve] of curves.entries()) {
    const value = curve[layer]! * (signs?.[index] ?? 1);
    sum += value;
    squares += value * value;
  }
  return [sum, squares];
}

function ratio(mean: number, error: number): number {
  return Math.abs(mean) < 1e-12 ? 0 : mean / Math.max(error, 1e-12);
}
