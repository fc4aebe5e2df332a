import { targetOf } from '../measure/heads.ts';
import type { FieldKind } from '../measure/heads.ts';
import type { RowSpan } from '../linear/leave-out.ts';
import { groupByPatient, shuffleGroups } from './patient-groups.ts';
import type { PatientGroups } from './patient-groups.ts';
import type { PreparedField } from './prepare-field.ts';
import { seededRandom, shuffledIndices } from '../linear/random.ts';
import type { Random } from '../linear/random.ts';

/** A field's columns within a {@link Pattern}. */
export interface PatternField {
  readonly id: string;
  readonly kind: FieldKind;
  readonly classes: number;
  /** First column. */
  readonly begin: number;
  /** Number of columns. */
  readonly columns: number;
}

/** Fields that are labelled on exactly the same images: they share every factor of a layer. */
export interface Pattern {
  /** Patients in random order, so that neighbouring patients make a fold. */
  readonly groups: PatientGroups;
  /** int32 [F + 1]: places at which folds of the outer cross-validation begin; folds hold whole patients. */
  readonly folds: Int32Array;
  readonly fields: readonly PatternField[];
  readonly columns: number;
  /** float64 [n, C], rows in the order of the groups. */
  readonly targets: Float64Array;
  /** float64 [n] a field: class or number. */
  readonly labels: readonly Float64Array[];
}

/**
 * @param folds of the outer cross-validation, as far as there are patients
 * @param seed  of the patients' order
 */
export function findPatterns(
  fields: readonly PreparedField[],
  patients: readonly string[],
  folds: number,
  seed: number,
): Pattern[] {
  const byRows = new Map<string, PreparedField[]>();
  for (const field of fields) {
    const key = Array.from(field.labels, (label) => (Number.isNaN(label) ? '0' : '1')).join('');
    byRows.set(key, [...(byRows.get(key) ?? []), field]);
  }
  return [...byRows.values()].map((alike) => {
    const wanted = [...alike[0]!.labels.keys()].filter((row) => !Number.isNaN(alike[0]!.labels[row]));
    const groups = shuffleGroups(groupByPatient(patients, wanted), seededRandom(seed));
    let columns = 0;
    const placed = alike.map((field) => {
      const begin = columns;
      columns += field.columns;
      const { id, kind, classes, columns: own } = field;
      return { id, kind, classes: classes.length, begin, columns: own };
    });
    const labels = alike.map((field) => Float64Array.from(groups.rows, (row) => field.labels[row]!));
    const targets = new Float64Array(groups.rows.length * columns);
    placed.forEach(({ kind, begin, columns: own }, index) => {
      for (let place = 0; place < groups.rows.length; place++)
        for (let column = 0; column < own; column++)
          targets[place * columns + begin + column] = targetOf(kind, labels[index]![place]!, column);
    });
    return { groups, folds: splitFolds(groups.starts, folds), fields: placed, columns, targets, labels };
  });
}

/** Nearly the same number of patients in each fold. */
function splitFolds(starts: Int32Array, wanted: number): Int32Array {
  const patients = starts.length - 1;
  const folds = Math.min(wanted, patients);
  return Int32Array.from({ length: folds + 1 }, (_, fold) => starts[Math.round((fold * patients) / folds)]!);
}

/** The places of one fold's rows. */
export function foldSpan({ folds }: Pick<Pattern, 'folds'>, fold: number): RowSpan {
  return { begin: folds[fold]!, end: folds[fold + 1]! };
}

/** Some columns of a row-major matrix, for the places that are wanted (all when left out). */
export function takeColumns(
  matrix: Float64Array,
  columns: number,
  begin: number,
  count: number,
  places?: Int32Array,
): Float64Array {
  const rows = places?.length ?? matrix.length / columns;
  const taken = new Float64Array(rows * count);
  for (let row = 0; row < rows; row++) {
    const from = (places === undefined ? row : places[row]!) * columns + begin;
    for (let column = 0; column < count; column++) taken[row * count + column] = matrix[from + column]!;
  }
  return taken;
}

/**
 * Labels dealt out to other patients: the patients' rows in random order, laid onto the rows as they are. What belongs to one
 * patient mostly stays together.
 *
 * @returns int32 [n]: place whose label each place gets
 */
export function shufflePatients(starts: Int32Array, random: Random): Int32Array {
  const order = shuffledIndices(starts.length - 1, random);
  const places = new Int32Array(starts.at(-1)!);
  let at = 0;
  for (const patient of order)
    for (let place = starts[patient]!; place < starts[patient + 1]!; place++) places[at++] = place;
  return places;
}
