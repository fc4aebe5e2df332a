import { DecoderError } from '../request/errors.ts';
import type { FieldLabels } from '../request/request.ts';
import { countColumns } from '../measure/heads.ts';
import type { FieldKind } from '../measure/heads.ts';

/** How many images and patients have a value. */
export interface ValueCount {
  readonly value: string;
  readonly images: number;
  readonly patients: number;
}

/** A field that a head can be fitted to. */
export interface PreparedField {
  readonly id: string;
  readonly kind: FieldKind;
  readonly values: readonly string[];
  /** What the head can tell apart: each class is one value, or neighbouring values of an ordinal field that are too rare to be parted. */
  readonly classes: readonly (readonly number[])[];
  readonly columns: number;
  /** float64 [N]: class, or number; NaN where not assessed or of a value that is too rare. */
  readonly labels: Float64Array;
  readonly counts: readonly ValueCount[];
}

/** Counts of a field's values; one row named "" for a number. */
export function countValues(field: FieldLabels, patients: readonly string[]): ValueCount[] {
  const names = field.kind === 'number' ? [''] : field.values;
  return names.map((value, index) => {
    const rows = [...field.labels.keys()].filter((row) => {
      const label = field.labels[row]!;
      return field.kind === 'number' ? !Number.isNaN(label) : label === index;
    });
    return { value, images: rows.length, patients: new Set(rows.map((row) => patients[row])).size };
  });
}

/**
 * Decides what of a field can be learnt.
 *
 * @throws DecoderError `decoder.labels`, `decoder.one-class`, `decoder.too-few-patients`
 */
export function prepareField(
  field: FieldLabels,
  patients: readonly string[],
  minPatients: number,
): PreparedField {
  checkLabels(field, patients.length);
  const counts = countValues(field, patients);
  const distinct = new Set(field.labels.filter((label) => !Number.isNaN(label)));
  if (distinct.size < 2) refuseOneClass(field, counts);
  const classes = field.kind === 'number' ? [] : findClasses(field, patients, minPatients, counts);
  const enough = field.kind === 'number' ? counts[0]!.patients >= minPatients : classes.length >= 2;
  if (!enough) refuseTooFew(field, counts, minPatients);
  const classOf = new Map(classes.flatMap((values, index) => values.map((value) => [value, index] as const)));
  return {
    id: field.id,
    kind: field.kind,
    values: field.values,
    classes,
    columns: countColumns(field.kind, classes.length),
    labels: field.kind === 'number' ? field.labels : field.labels.map((label) => classOf.get(label) ?? NaN),
    counts,
  };
}

function findClasses(
  { kind, values, labels }: FieldLabels,
  patients: readonly string[],
  minPatients: number,
  counts: readonly ValueCount[],
): number[][] {
  if (kind !== 'ordinal') {
    const kept = [...values.keys()].filter((index) => counts[index]!.patients >= minPatients);
    return kept.map((index) => [index]);
  }
  // A threshold needs enough patients on either side; a patient with images on both counts on both.
  const patientsWhere = (test: (label: number) => boolean) =>
    new Set(patients.filter((_, row) => test(labels[row]!))).size;
  const classes: number[][] = [[0]];
  for (let value = 1; value < values.length; value++) {
    const parted =
      patientsWhere((label) => label >= value) >= minPatients &&
      patientsWhere((label) => label < value) >= minPatients &&
      // Without an image between this threshold and the last one both are the same.
      labels.some((label) => classes.at(-1)!.includes(label));
    if (parted) classes.push([value]);
    else classes.at(-1)!.push(value);
  }
  return classes;
}

function checkLabels({ id, kind, values, labels }: FieldLabels, count: number): void {
  const refuse = (expected: string, found: string) => {
    throw new DecoderError('decoder.labels', `The labels of "${id}" cannot be used.`, {
      expected,
      found,
      advice: 'Correct the labels of this field, or leave it out.',
      params: { field: id },
    });
  };
  if (labels.length !== count) refuse(`a label for each of ${count} images`, `${labels.length} labels`);
  if (kind === 'binary' && values.length !== 2) refuse('two values', `${values.length} values`);
  if (kind !== 'number' && values.length < 2) refuse('at least two values', `${values.length} values`);
  const wrong = labels.find((label) =>
    kind === 'number'
      ? !Number.isFinite(label) && !Number.isNaN(label)
      : !Number.isNaN(label) && (!Number.isInteger(label) || label < 0 || label >= values.length),
  );
  if (wrong !== undefined)
    refuse(
      kind === 'number' ? 'finite numbers' : `places 0 … ${values.length - 1} in the list of values`,
      String(wrong),
    );
}

function refuseOneClass({ id, kind }: FieldLabels, counts: readonly ValueCount[]): never {
  const only = counts.find(({ images }) => images > 0);
  throw new DecoderError('decoder.one-class', `"${id}" has the same value everywhere.`, {
    expected: 'images with at least two different values',
    found:
      only === undefined
        ? 'no labelled image'
        : `${only.images} images, all ${kind === 'number' ? 'with the same number' : `"${only.value}"`}`,
    advice: 'Label images with another value as well, or leave the field out.',
    params: { field: id, value: only?.value ?? '', images: only?.images ?? 0 },
  });
}

function refuseTooFew(field: FieldLabels, counts: readonly ValueCount[], minPatients: number): never {
  const rarest = counts
    .filter(({ images }) => images > 0)
    .reduce((least, count) => (count.patients < least.patients ? count : least));
  throw new DecoderError('decoder.too-few-patients', `"${field.id}" has too few patients to learn from.`, {
    expected:
      field.kind === 'number'
        ? `at least ${minPatients} patients`
        : `at least ${minPatients} patients for each of two values`,
    found: counts
      .map(({ value, patients }) => `${value === '' ? '' : `"${value}": `}${patients} patients`)
      .join(', '),
    advice: 'Label more patients. Until then the field is not assessed.',
    params: { field: field.id, value: rarest.value, patients: rarest.patients, needed: minPatients },
  });
}
