import { parseLaterality, unknownLaterality } from '../../contract/laterality.ts';
import type { LateralityReading } from '../../contract/laterality.ts';
import type { Patient } from '../../contract/images/patients.ts';
import type { Visit } from '../../contract/images/visits.ts';
import { visitFromParts } from '../visit.ts';
import type { DicomValues } from './values.ts';

export interface DicomAttributes {
  readonly patient: Pick<Patient, 'code' | 'name' | 'birthYear' | 'sex'> | null;
  readonly visit: Pick<Visit, 'key' | 'date' | 'label' | 'studyUid'> | null;
  readonly laterality: LateralityReading;
  readonly modality: string;
  readonly capturedAt: string | null;
  readonly camera: string | null;
  readonly sopInstanceUid: string | null;
}

/** What a DICOM file says about its patient, visit and eye; what it does not say stays unknown. */
export function readAttributes(values: DicomValues): DicomAttributes {
  const studyUid = orNull(values.ascii(0x0020000d));
  const date = parseDate(values.ascii(0x00080020));
  return {
    patient: readPatient(values),
    visit:
      studyUid === null && date === null
        ? null
        : visitFromParts({ studyUid, date, label: values.text(0x00081030) }),
    laterality: readLaterality(values),
    modality: values.ascii(0x00080060).toUpperCase(),
    capturedAt: readCaptureTime(values),
    camera: orNull(
      [values.text(0x00080070), values.text(0x00081090)].filter((part) => part !== '').join(' '),
    ),
    sopInstanceUid: orNull(values.ascii(0x00080018)),
  };
}

/**
 * Image Laterality (0020,0062) speaks of this image; Laterality (0020,0060) of the whole series, and is used where the
 * first is absent. A present Image Laterality without a meaning is not overruled.
 */
export function readLaterality(values: DicomValues): LateralityReading {
  for (const [tag, source] of [
    [0x00200062, 'image-laterality'],
    [0x00200060, 'laterality'],
  ] as const) {
    const text = values.ascii(tag);
    if (text === '') continue;
    const laterality = parseLaterality(text);
    return laterality === null || laterality === 'unknown' ? unknownLaterality : { laterality, source };
  }
  return unknownLaterality;
}

function readPatient(values: DicomValues): DicomAttributes['patient'] {
  const code = values.text(0x00100020).normalize('NFC');
  if (code === '') return null;
  const birthYear = Number(values.ascii(0x00100030).slice(0, 4));
  const sex = values.ascii(0x00100040);
  return {
    code,
    name: readName(values.text(0x00100010)),
    birthYear: birthYear >= 1850 && birthYear <= 2200 ? birthYear : null,
    sex: sex === 'F' || sex === 'M' || sex === 'O' ? sex : null,
  };
}

/** `family^given^middle^prefix^suffix=ideographic` → `family given middle` of the first group that has any. */
export function readName(value: string): string | null {
  for (const group of value.split('=')) {
    const name = group
      .split('^')
      .slice(0, 3)
      .map((part) => part.trim())
      .filter((part) => part !== '')
      .join(' ');
    if (name !== '') return name;
  }
  return null;
}

/** Acquisition, then content, then study: the first that gives a day. */
function readCaptureTime(values: DicomValues): string | null {
  const moment = values.ascii(0x0008002a);
  if (parseDate(moment) !== null) return joinMoment(moment.slice(0, 8), moment.slice(8));
  for (const [dateTag, timeTag] of [
    [0x00080022, 0x00080032],
    [0x00080023, 0x00080033],
    [0x00080020, 0x00080030],
  ] as const) {
    const date = values.ascii(dateTag);
    if (parseDate(date) !== null) return joinMoment(date, values.ascii(timeTag));
  }
  return null;
}

function joinMoment(date: string, time: string): string {
  const day = parseDate(date)!;
  const [, hours, minutes, seconds] =
    /^([01]\d|2[0-3]):?([0-5]\d):?([0-5]\d)/.exec(time) ?? /^([01]\d|2[0-3]):?([0-5]\d)/.exec(time) ?? [];
  if (hours === undefined || minutes === undefined) return day;
  return `${day}T${hours}:${minutes}:${seconds ?? '00'}`;
}

/** @returns `2024-02-29`, or null when the text does not begin with a day of the calendar */
export function parseDate(text: string): string | null {
  const [, year, month, day] = /^(\d{4})[.-]?(\d\d)[.-]?(\d\d)/.exec(text) ?? [];
  if (year === undefined || month === undefined || day === undefined) return null;
  const date = `${year}-${month}-${day}`;
  const time = Date.parse(`${date}T00:00:00Z`);
  return Number.isNaN(time) || new Date(time).toISOString().slice(0, 10) !== date ? null : date;
}

function orNull(text: string): string | null {
  return text === '' ? null : text;
}
