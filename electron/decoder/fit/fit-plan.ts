import { alignFeatures } from '../request/check-request.ts';
import type { EvaluatePattern, Split } from '../layer/evaluate-layer.ts';
import { groupByPatient } from '../layer/patient-groups.ts';
import { shufflePatients } from '../layer/pattern.ts';
import type { Pattern } from '../layer/pattern.ts';
import { seededRandom } from '../linear/random.ts';
import type { FitOptions, FitRequest } from '../request/request.ts';

/** One layer of one feature set, its rows in the order of the request's images. */
export interface PlannedLayer {
  readonly set: string;
  readonly role: 'layers' | 'baseline';
  readonly layer: number;
  readonly width: number;
  readonly values: Float32Array;
}

/** @throws DecoderError when features are missing, of another width, or not numbers */
export function planLayers({ features, images }: FitRequest): PlannedLayer[] {
  return features.flatMap((set) => {
    const aligned = alignFeatures(set, images);
    return set.layers.map(({ layer }, index) => ({
      set: set.id,
      role: set.role,
      layer,
      width: set.width,
      values: aligned[index]!,
    }));
  });
}

/** A pattern with the shuffles and the sources left out that belong to it. */
export function planPattern(
  pattern: Pattern,
  { sources }: FitRequest,
  { permutations, seed }: FitOptions,
): EvaluatePattern {
  const random = seededRandom(seed);
  return {
    pattern,
    permutations: Array.from({ length: permutations }, () => shufflePatients(pattern.groups.starts, random)),
    splits: sources === undefined ? [] : planSplits(pattern, sources),
  };
}

/** Each source left out of the others, where both parts have images. */
function planSplits({ groups }: Pattern, sources: readonly string[]): Split[] {
  const sourceOf = Array.from(groups.rows, (row) => sources[row]!);
  const present = new Set(sourceOf);
  const names = [...new Set(sources)].filter((name) => present.has(name));
  if (names.length < 2) return [];
  const patientOf = new Array<string>(groups.rows.length);
  groups.patients.forEach((patient, index) =>
    patientOf.fill(patient, groups.starts[index], groups.starts[index + 1]),
  );
  const places = [...groups.rows.keys()];
  return names.map((name) => ({
    name,
    train: groupByPatient(
      patientOf,
      places.filter((place) => sourceOf[place] !== name),
    ),
    test: Int32Array.from(places.filter((place) => sourceOf[place] === name)),
  }));
}
