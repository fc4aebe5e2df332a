import { exactInterval } from '../statistics/binomial.ts';
import { quantile } from '../statistics/quantile.ts';
import { drawPatients } from './patients.ts';

/** From which layer on a photograph's concept is readable; null for never, which is a result. */
export interface PhotographEmergence {
  readonly patient: string;
  readonly layer: number | null;
}

export interface GroupEmergence {
  readonly numPatients: number;
  readonly numPhotographs: number;
  /** By layer 0…L: share of photographs that have emerged by then, the mean over patients. Ends at 1 − `never`. */
  readonly cumulative: number[];
  /** Share in which the concept is readable at no layer, the mean over patients. */
  readonly never: number;
  /** First layer by which at least half have emerged; null when fewer ever do. */
  readonly layer: number | null;
  /** 95 % bootstrap interval of that layer over patients; null stands for never. */
  readonly interval: readonly [number | null, number | null];
  /** The same of `never`; where it is so of all patients or of none, drawing them anew shows no spread, and it is exact. */
  readonly neverInterval: readonly [number, number];
}

/**
 * When a concept emerges in a group, those counted in which it never does.
 *
 * @param numLayers N = L + 1
 * @param draws {@link drawPatients}, or one that remembers what it drew
 * @throws RangeError of no photographs
 */
export function summariseEmergence(
  photographs: readonly PhotographEmergence[],
  numLayers: number,
  samples: number,
  seed: number,
  draws = drawPatients,
): GroupEmergence {
  if (photographs.length === 0) throw new RangeError('no photographs');
  // Most patients have one of few curves, so that each is worked out once and a draw is counted curve by curve.
  const kinds = new Map<string, { readonly index: number; readonly curve: readonly number[] }>();
  const kindOfLayers = new Map<string, number>();
  const kindOf = Uint16Array.from(Map.groupBy(photographs, ({ patient }) => patient).values(), (own) => {
    const layers = own.map(({ layer }) => layer ?? 'never').join();
    const known = kindOfLayers.get(layers);
    if (known !== undefined) return known;
    const curve = accumulate(own, numLayers);
    const key = curve.join();
    const kind = kinds.get(key) ?? { index: kinds.size, curve };
    kinds.set(key, kind);
    kindOfLayers.set(layers, kind.index);
    return kind.index;
  });
  const numPatients = kindOf.length;
  const curves = [...kinds.values()].map(({ curve }) => curve);
  const counts = new Float64Array(curves.length);
  // Where all patients are alike, as for most concepts of a set, so is every sample.
  const times = curves.length === 1 ? null : draws(numPatients, samples, seed);
  const meanOfCounts = () => {
    const mean = new Array<number>(numLayers).fill(0);
    for (const [kind, curve] of curves.entries())
      for (let layer = 0; layer < numLayers; layer++)
        mean[layer]! += (counts[kind]! * curve[layer]!) / numPatients;
    return mean;
  };
  for (const kind of kindOf) counts[kind]!++;
  const cumulative = curves.length === 1 ? [...curves[0]!] : meanOfCounts();
  const drawSample = (sample: number) => {
    counts.fill(0);
    const offset = sample * numPatients;
    for (let patient = 0; patient < numPatients; patient++)
      counts[kindOf[patient]!]! += times![offset + patient]!;
    return meanOfCounts();
  };
  const drawn =
    times === null ? [cumulative] : Array.from({ length: samples }, (_, sample) => drawSample(sample));
  const layers = drawn.map((curve) => halfLayer(curve) ?? Infinity);
  const finite = (layer: number) => (Number.isFinite(layer) ? layer : null);
  const nevers = drawn.map((curve) => 1 - curve.at(-1)!);
  // Rounded, so that sums of shares that come to all or to none are so.
  const never = Math.round((1 - cumulative.at(-1)!) * 1e12) / 1e12;
  return {
    numPatients,
    numPhotographs: photographs.length,
    cumulative,
    never,
    layer: halfLayer(cumulative),
    interval: [finite(nearest(layers, 0.025)), finite(nearest(layers, 0.975))],
    neverInterval:
      never === 0 || never === 1
        ? exactInterval(never * numPatients, numPatients)
        : [quantile(nevers, 0.025), quantile(nevers, 0.975)],
  };
}

function accumulate(photographs: readonly PhotographEmergence[], numLayers: number): number[] {
  return Array.from(
    { length: numLayers },
    (_, layer) =>
      photographs.filter((photograph) => photograph.layer !== null && photograph.layer <= layer).length /
      photographs.length,
  );
}

function halfLayer(cumulative: readonly number[]): number | null {
  const layer = cumulative.findIndex((share) => share >= 0.5 - 1e-12);
  return layer < 0 ? null : layer;
}

/** A layer that was drawn, never one in between: the value may be Infinity. */
function nearest(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => (a === b ? 0 : a - b));
  return sorted[Math.round(share * (sorted.length - 1))]!;
}
