import { estimate, interval, orNull, samplePatients } from '../measure/bootstrap.ts';
import type { Estimate, PatientSamples } from '../measure/bootstrap.ts';
import type { FieldEvaluation, Split } from '../layer/evaluate-layer.ts';
import type { PlannedLayer } from './fit-plan.ts';
import { leftOutMeans } from '../linear/leave-out.ts';
import { takeColumns } from '../layer/pattern.ts';
import type { Pattern, PatternField } from '../layer/pattern.ts';
import { primaryScore } from '../measure/primary-score.ts';
import type { CurveReport, SourceReport } from './report.ts';
import type { FitOptions } from '../request/request.ts';

/** Scores of a field at every layer of every feature set, with intervals and shuffled labels. */
export function reportCurves(
  layers: readonly PlannedLayer[],
  evaluations: readonly FieldEvaluation[],
  pattern: Pattern,
  field: PatternField,
  samples: PatientSamples,
  lambdas: readonly number[],
): CurveReport[] {
  const curves = new Map<
    string,
    { set: string; role: 'layers' | 'baseline'; points: CurveReport['points'][number][] }
  >();
  layers.forEach(({ set, role, layer }, index) => {
    const { scores, shuffled, best } = evaluations[index]!;
    const score = estimateScore(pattern, field, scores, samples);
    const curve = curves.get(set) ?? { set, role, points: [] };
    curves.set(set, curve);
    curve.points.push({ layer, lambda: lambdas[best]!, score, ...compareShuffled(score, shuffled) });
  });
  return [...curves.values()];
}

/** Primary score of left-out scores, with its interval. */
export function estimateScore(
  { targets, columns, folds }: Pattern,
  field: PatternField,
  scores: Float64Array,
  samples: PatientSamples,
): Estimate {
  const own = takeColumns(targets, columns, field.begin, field.columns);
  const means = leftOutMeans(own, field.columns, folds);
  return estimate(primaryScore(field.kind, scores, own, means, field.columns), samples);
}

export function compareShuffled(
  score: Estimate,
  shuffled: Float64Array,
): { shuffled: Estimate; selectivity: number | null } {
  const known = [...shuffled].filter((value) => !Number.isNaN(value));
  const mean = orNull(known.reduce((sum, value) => sum + value, 0) / known.length);
  return {
    shuffled: { value: mean, ...interval(known) },
    selectivity: score.value === null || mean === null ? null : score.value - mean,
  };
}

/** Scores on each source left out, of every set at the layer that the other sources chose, and of the choice over all. */
export function reportSources(
  layers: readonly PlannedLayer[],
  evaluations: readonly FieldEvaluation[],
  pattern: Pattern,
  fieldIndex: number,
  splits: readonly Split[],
  { minPatients, bootstrapSamples, seed }: FitOptions,
): SourceReport[] {
  const field = pattern.fields[fieldIndex]!;
  return splits.map((split, at): SourceReport => {
    const starts = startsOf(pattern, split.test);
    const about = { source: split.name, images: split.test.length, patients: starts.length - 1 };
    const refused = findObstacle(pattern, fieldIndex, split, minPatients);
    if (refused !== null) return { ...about, refused, scores: [] };
    const samples = samplePatients(starts, bootstrapSamples, seed);
    const own = takeColumns(pattern.targets, pattern.columns, field.begin, field.columns, split.test);
    const train = takeColumns(pattern.targets, pattern.columns, field.begin, field.columns, split.train.rows);
    const means = own.map((_, index) => meanOfColumn(train, field.columns, index % field.columns));
    const bestOf = (test: (layer: PlannedLayer) => boolean) => {
      const candidates = [...layers.keys()].filter((index) => test(layers[index]!));
      return candidates.reduce((best, index) =>
        evaluations[index]!.splits[at]!.error < evaluations[best]!.splits[at]!.error ? index : best,
      );
    };
    const row = (index: number, role: 'decoder' | 'layers' | 'baseline') => ({
      set: layers[index]!.set,
      role,
      layer: layers[index]!.layer,
      score: estimate(
        primaryScore(field.kind, evaluations[index]!.splits[at]!.scores, own, means, field.columns),
        samples,
      ),
    });
    const sets = [...new Map(layers.map(({ set, role }) => [set, role]))];
    return {
      ...about,
      refused,
      scores: [
        row(
          bestOf(({ role }) => role === 'layers'),
          'decoder',
        ),
        ...sets.map(([set, role]) =>
          row(
            bestOf((layer) => layer.set === set),
            role,
          ),
        ),
      ],
    };
  });
}

/** What remains needs enough patients of two classes (or with a number), and what is left out two classes. */
function findObstacle(
  { labels, fields }: Pattern,
  field: number,
  { train, test }: Split,
  minPatients: number,
): SourceReport['refused'] {
  const own = labels[field]!;
  if (new Set([...test].map((place) => own[place])).size < 2) return 'one-class';
  const patients = new Map<number, number>();
  for (let patient = 0; patient + 1 < train.starts.length; patient++) {
    const places = train.rows.subarray(train.starts[patient], train.starts[patient + 1]);
    for (const label of new Set([...places].map((place) => own[place]!)))
      patients.set(label, (patients.get(label) ?? 0) + 1);
  }
  const enough =
    fields[field]!.kind === 'number'
      ? train.starts.length - 1 >= minPatients
      : [...patients.values()].filter((count) => count >= minPatients).length >= 2;
  return enough ? null : 'too-few-patients';
}

/** Where patients begin among ascending places, [P + 1]; patients lie together. */
function startsOf({ groups }: Pattern, places: Int32Array): Int32Array {
  const starts = [0];
  let patient = 0;
  let known = -1;
  places.forEach((place, index) => {
    while (place >= groups.starts[patient + 1]!) patient++;
    if (known !== patient && index > 0) starts.push(index);
    known = patient;
  });
  return Int32Array.from([...starts, places.length]);
}

function meanOfColumn(matrix: Float64Array, columns: number, column: number): number {
  let sum = 0;
  for (let at = column; at < matrix.length; at += columns) sum += matrix[at]!;
  return sum / (matrix.length / columns);
}
