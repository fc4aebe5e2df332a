import { createRandom } from './seeded-random.ts';
import { middleInterval } from './quantile.ts';

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
 * The mean over patients, with a percentile bootstrap that draws patients.
 *
 * @param samples drawn
 * @throws RangeError of no patients
 */
export function bootstrapMean(patients: PatientMeans, samples: number, seed: number): MeanCurve {
  const curves = [...patients.values()];
  if (curves.length === 0) throw new RangeError('no patients');
  const random = createRandom(seed);
  const drawn = Array.from({ length: samples }, () =>
    meanCurve(curves.map(() => curves[Math.floor(random() * curves.length)]!)),
  );
  const mean = meanCurve(curves);
  const bounds = mean.map((_, layer) => middleInterval(drawn.map((sample) => sample[layer]!)));
  return {
    numPatients: curves.length,
    mean,
    lower: bounds.map(([lower]) => lower),
    upper: bounds.map(([, upper]) => upper),
  };
}

/** @param curves at least one, of equal length */
export function meanCurve(curves: readonly ArrayLike<number>[]): number[] {
  return Array.from(
    curves[0]!,
    (_, layer) => curves.reduce((sum, curve) => sum + curve[layer]!, 0) / curves.length,
  );
}
