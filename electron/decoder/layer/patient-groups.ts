import { shuffledIndices } from '../linear/random.ts';
import type { Random } from '../linear/random.ts';

/** Rows of a matrix, those of a patient one after the other. */
export interface PatientGroups {
  /** int32 [n]: which row of the whole matrix each is. */
  readonly rows: Int32Array;
  /** int32 [P + 1]: patient p has the places starts[p] … starts[p + 1] − 1 of `rows`. */
  readonly starts: Int32Array;
  /** The patients' names, [P]. */
  readonly patients: readonly string[];
}

/** Groups the rows that are wanted by their patient, patients in order of their first row. */
export function groupByPatient(patients: readonly string[], wanted: Iterable<number>): PatientGroups {
  const groups = new Map<string, number[]>();
  for (const row of wanted) {
    const patient = patients[row]!;
    const group = groups.get(patient);
    if (group === undefined) groups.set(patient, [row]);
    else group.push(row);
  }
  const starts = new Int32Array(groups.size + 1);
  let count = 0;
  [...groups.values()].forEach((group, index) => {
    count += group.length;
    starts[index + 1] = count;
  });
  return { rows: Int32Array.from([...groups.values()].flat()), starts, patients: [...groups.keys()] };
}

/** float64 [n]: one through the number of a patient's rows, so that every patient counts the same. */
export function patientWeights({ rows, starts }: Pick<PatientGroups, 'rows' | 'starts'>): Float64Array {
  const weights = new Float64Array(rows.length);
  for (let patient = 0; patient + 1 < starts.length; patient++)
    weights.fill(1 / (starts[patient + 1]! - starts[patient]!), starts[patient], starts[patient + 1]);
  return weights;
}

/** The same patients in random order. */
export function shuffleGroups(groups: PatientGroups, random: Random): PatientGroups {
  const order = shuffledIndices(groups.patients.length, random);
  const starts = new Int32Array(order.length + 1);
  const rows = new Int32Array(groups.rows.length);
  order.forEach((patient, index) => {
    const own = groups.rows.subarray(groups.starts[patient], groups.starts[patient + 1]);
    rows.set(own, starts[index]);
    starts[index + 1] = starts[index]! + own.length;
  });
  return { rows, starts, patients: Array.from(order, (patient) => groups.patients[patient]!) };
}
