import { createRandom } from '../statistics/seeded-random.ts';
import { middleInterval } from '../statistics/quantile.ts';

/** One photograph's curve over layers, and whose eye it is. */
export interface PatientCurve {
  /** Whatever tells patients apart; photographs without a patient are each their own. */
  readonly patient: string;
  /** [N] */
  readonly curve: ArrayLike<number>;
}

/** Curves of patients: each the mean of the patient's photographs. */
export type PatientMeans = ReadonlyMap<string, Float64Array>;

/**
 * One curve per patient, because two eyes of one patient are not two observations.
 *
 * @throws RangeError when curves differ in length
 */
export function averageByPatient(photographs: readonly PatientCurve[]): PatientMeans {
  const numLayers = photographs[0]?.curve.length ?? 0;
  const groups = Map.groupBy(photographs, ({ patient }) => patient);
  return new Map(
    [...groups].map(([patient, own]) => {
      const mean = new Float64Array(numLayers);
      for (const { curve } of own) {
        if (curve.length !== numLayers)
          throw new RangeError(`curves of ${numLayers} and of ${curve.length} layers`);
        for (let layer = 0; layer < numLayers; layer++) mean[layer]! += curve[layer]! / own.length;
      }
      return [patient, mean];
    }),
  );
}

export interface MeanCurve {
  readonly numPatients: number;
  readonly mean: number[];
  /** 95 % bootstrap interval over patients, by layer. */
  readonly lower: number[];
  readonly upper: number[];
}

/**
 * Draws patients with replacement, as many as there are.
 *
 * @returns uint16 [samples, patients]: how often each was drawn
 */
export function drawPatients(count: number, samples: number, seed: number): Uint16Array {
  const random = createRandom(seed);
  const draws = new Uint16Array(samples * count);
  for (let sample = 0; sample < samples; sample++)
    for (let draw = 0; draw < count; draw++) draws[sample * count + Math.floor(random() * count)]!++;
  return draws;
}

/**
 * The mean over patients, with a percentile bootstrap that draws patients.
 *
 * @param samples drawn
 * @throws RangeError of no patients
 */
export function bootstrapMean(patients: PatientMeans, samples: number, seed: number): MeanCurve {
  const curves = [...patients.values()];
  if (curves.length === 0) throw new RangeError('no patients');
  const numLayers = curves[0]!.length;
  const draws = drawPatients(curves.length, samples, seed);
  const values = new Float64Array(curves.length * numLayers);
  for (const [patient, curve] of curves.entries()) values.set(curve, patient * numLayers);
  const drawn = Array.from({ length: samples }, (_, sample) => {
    const sum = new Float64Array(numLayers);
    const offset = sample * curves.length;
    for (let patient = 0; patient < curves.length; patient++) {
      const times = draws[offset + patient]!;
      if (times === 0) continue;
      const start = patient * numLayers;
      for (let layer = 0; layer < numLayers; layer++) sum[layer]! += times * values[start + layer]!;
    }
    return sum.map((value) => value / curves.length);
  });
  const mean = meanCurve(curves);
  const bounds = mean.map((_, layer) => middleInterval(drawn.map((sample) => sample[layer]!)));
  return {
    numPatients: curves.length,
    mean,
    lower: bounds.map(([lower]) => lower),
    upper: bounds.map(([, upper]) => upper),
  };
}

/**
 * The interval of the difference of two groups' means, as they are compared: of the patients' own differences where all of
 * the smaller group are in both, else of independent draws from each group, those in both left out.
 *
 * @returns 95 % percentile bootstrap over patients, by layer
 * @throws RangeError when no patients are left in a group
 */
export function bootstrapDifference(
  a: PatientMeans,
  b: PatientMeans,
  samples: number,
  seed: number,
): Pick<MeanCurve, 'lower' | 'upper'> {
  const paired = pairByPatient(a, b);
  if (paired !== null) return bootstrapMean(paired, samples, seed);
  const groups = [partApart(a, b), partApart(b, a)];
  if (groups.some((curves) => curves.length === 0)) throw new RangeError('no patients');
  const random = createRandom(seed);
  const drawn = Array.from({ length: samples }, () => {
    const [first, second] = groups.map((curves) =>
      meanCurve(curves.map(() => curves[Math.floor(random() * curves.length)]!)),
    );
    return first!.map((value, layer) => value - second![layer]!);
  });
  const bounds = drawn[0]!.map((_, layer) => middleInterval(drawn.map((sample) => sample[layer]!)));
  return { lower: bounds.map(([lower]) => lower), upper: bounds.map(([, upper]) => upper) };
}

/** By patient, a − b, where all patients of the smaller group are in both; else null. */
export function pairByPatient(a: PatientMeans, b: PatientMeans): PatientMeans | null {
  const shared = [...a.keys()].filter((patient) => b.has(patient));
  if (shared.length < Math.min(a.size, b.size)) return null;
  return new Map(
    shared.map((patient) => [
      patient,
      a.get(patient)!.map((value, layer) => value - b.get(patient)![layer]!),
    ]),
  );
}

/** Curves of the patients of a group that are not in the other one. */
export function partApart(group: PatientMeans, other: PatientMeans): Float64Array[] {
  return [...group].flatMap(([patient, curve]) => (other.has(patient) ? [] : [curve]));
}

/** @param curves at least one, of equal length */
export function meanCurve(curves: readonly ArrayLike<number>[]): number[] {
  return Array.from(
    curves[0]!,
    (_, layer) => curves.reduce((sum, curve) => sum + curve[layer]!, 0) / curves.length,
  );
}
