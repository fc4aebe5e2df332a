import type { Patient, PatientRecord, RecordedImage } from '../../../electron/contract/images/patients.ts';

export type RecordedVisit = PatientRecord['visits'][number];

/** One line of a patient's page: a visit, or what belongs to none. */
export interface VisitRow {
  readonly visit: RecordedVisit | null;
  readonly right: readonly RecordedImage[];
  readonly left: readonly RecordedImage[];
  /** Both eyes in one picture, or not known which. */
  readonly other: readonly RecordedImage[];
}

/** The visits in their order, then the photographs without one; visits without photographs are kept. */
export function visitRows({ visits, images }: Pick<PatientRecord, 'visits' | 'images'>): VisitRow[] {
  const rowOf = (visit: RecordedVisit | null): VisitRow => {
    const own = images.filter(({ image }) => image.visitId === (visit?.id ?? null));
    const ofEye = (...eyes: string[]) => own.filter(({ image }) => eyes.includes(image.laterality));
    return { visit, right: ofEye('R'), left: ofEye('L'), other: ofEye('B', 'unknown') };
  };
  const rows = visits.map(rowOf);
  const rest = rowOf(null);
  return rest.right.length + rest.left.length + rest.other.length > 0 ? [...rows, rest] : rows;
}

export function imagesOf({ right, left, other }: VisitRow): RecordedImage[] {
  return [...right, ...left, ...other];
}

/** The pair of a visit: its newest right and left eye, or whatever two there are. */
export function pairOf(row: VisitRow): number[] {
  const pair = [row.right.at(-1), row.left.at(-1)].flatMap((each) => each?.image.id ?? []);
  const others = imagesOf(row).map(({ image }) => image.id);
  return [...new Set([...pair, ...others])].slice(0, 2);
}

/** One eye over time: the newest photograph of each visit, as many of the latest as can stand side by side. */
export function seriesOf(rows: readonly VisitRow[], eye: 'right' | 'left', most = 4): number[] {
  return rows.flatMap((row) => row[eye].at(-1)?.image.id ?? []).slice(-most);
}

/** Where photographs are looked at side by side. */
export function sideBySide([first, ...others]: readonly number[]): string | null {
  if (first === undefined) return null;
  return `/images/${first}${others.length === 0 ? '' : `?with=${others.join(',')}`}`;
}

/** In years at a visit; null when not known. */
export function ageAt(
  { birthYear }: Pick<Patient, 'birthYear'>,
  date: string | null | undefined,
): number | null {
  const year = Number(date?.slice(0, 4));
  return birthYear === null || !(year >= birthYear) ? null : year - birthYear;
}
