import { quantile } from '../../engine/readability/statistics/quantile.ts';
import { seededRandom } from '../linear/random.ts';

/** An estimate with the bounds of its 95 % interval; null where it is not determined. */
export interface Estimate {
  readonly value: number | null;
  readonly low: number | null;
  readonly high: number | null;
}

/** How often each patient's rows are drawn, once per sample; shared by everything that is measured on the same rows. */
export interface PatientSamples {
  /** One float64 [n] a sample. */
  readonly weights: readonly Float64Array[];
}

/**
 * Draws whole patients with replacement, as many as there are.
 *
 * @param starts places at which patients begin, [P + 1]
 */
export function samplePatients(starts: Int32Array, samples: number, seed: number): PatientSamples {
  const random = seededRandom(seed);
  const patients = starts.length - 1;
  const weights = Array.from({ length: samples }, () => {
    const drawn = new Float64Array(starts[patients]!);
    for (let draw = 0; draw < patients; draw++) {
      const patient = random.below(patients);
      for (let row = starts[patient]!; row < starts[patient + 1]!; row++) drawn[row]! += 1;
    }
    return drawn;
  });
  return { weights };
}

/**
 * A statistic with its percentile interval over samples of patients. Samples that do not determine it are left out.
 *
 * @see Efron, Tibshirani (1993), chapter 13
 */
export function estimate(
  statistic: (weights: Float64Array | undefined) => number,
  { weights }: PatientSamples,
  level = 0.95,
): Estimate {
  const values = weights.map(statistic).filter((value) => !Number.isNaN(value));
  return { value: orNull(statistic(undefined)), ...interval(values, level) };
}

/** Bounds of the middle share of some values; null of none. */
export function interval(
  values: readonly number[],
  level = 0.95,
): { low: number | null; high: number | null } {
  if (values.length === 0) return { low: null, high: null };
  return {
    low: orNull(quantile(values, (1 - level) / 2)),
    high: orNull(quantile(values, (1 + level) / 2)),
  };
}

export function orNull(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}
