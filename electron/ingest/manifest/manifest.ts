import { parseLaterality } from '../../contract/laterality.ts';
import type { Laterality } from '../../contract/laterality.ts';
import { imageQualities } from '../../contract/image-query.ts';
import { sexes } from '../../contract/images/patients.ts';
import type { LibraryImage } from '../../contract/images/library-image.ts';
import type { Patient } from '../../contract/images/patients.ts';
import { parseCsv } from '../csv.ts';
import { parseDate } from '../dicom/attributes.ts';

/**
 * A manifest is a CSV table with a header line and one row per image. Columns, in any order and case; only `file` must
 * be there, and an empty cell says nothing:
 *
 * | column | content |
 * | --- | --- |
 * | file (файл) | path below the imported folder, or the name alone where it is unique |
 * | patient (пациент) | patient code |
 * | name (имя, фио) | patient's name |
 * | birth_year (год рождения) | 1850…2200 |
 * | sex (пол) | F/M/O, ж/м |
 * | visit (визит) | label of the visit |
 * | visit_date (дата визита), captured_at (дата съёмки) | 2024-02-29, 29.02.2024, with a time after a space or T |
 * | eye (глаз) | R/L/B, OD/OS/OU, right/left/both, правый/левый/оба |
 * | modality (модальность) | such as OP |
 * | quality (качество) | good, usable, poor |
 * | tags (метки), findings (находки) | several with a vertical bar between |
 * | note (заметка) | any text |
 */
export interface ManifestRow {
  /** 1-based line of the table, the header being 1. */
  readonly line: number;
  readonly file: string;
  readonly patient: Pick<Patient, 'code' | 'name' | 'birthYear' | 'sex'> | null;
  readonly visitLabel: string;
  readonly visitDate: string | null;
  /** null when the cell is empty. */
  readonly eye: Laterality | null;
  readonly modality: string;
  readonly capturedAt: string | null;
  readonly quality: LibraryImage['quality'];
  readonly tags: readonly string[];
  readonly findings: readonly string[];
  readonly note: string;
}

export interface Manifest {
  readonly rows: readonly ManifestRow[];
  readonly problems: readonly { readonly line: number; readonly message: string }[];
}

const columns: Readonly<Record<string, readonly string[]>> = {
  file: ['file', 'filename', 'file_name', 'path', 'файл', 'имя_файла', 'путь'],
  patient: ['patient', 'patient_code', 'patient_id', 'пациент', 'код_пациента', 'код'],
  name: ['name', 'patient_name', 'имя', 'фио'],
  birthYear: ['birth_year', 'год_рождения'],
  sex: ['sex', 'gender', 'пол'],
  visit: ['visit', 'визит', 'посещение'],
  visitDate: ['visit_date', 'дата_визита', 'дата_посещения'],
  eye: ['eye', 'laterality', 'глаз'],
  modality: ['modality', 'модальность'],
  capturedAt: ['captured_at', 'capture_date', 'date', 'дата_съемки', 'дата'],
  quality: ['quality', 'качество'],
  tags: ['tags', 'метки', 'теги'],
  findings: ['findings', 'labels', 'находки', 'диагноз'],
  note: ['note', 'notes', 'заметка', 'примечание'],
};

/** UTF-8 where the bytes are UTF-8; otherwise Windows-1251, as a Russian Excel saves. UTF-16 needs its mark. */
export function decodeManifest(bytes: Uint8Array): string {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return new TextDecoder('utf-16le').decode(bytes);
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return new TextDecoder('utf-16be').decode(bytes);
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return new TextDecoder('windows-1251').decode(bytes);
  }
}

/** Reads what can be read and lists what cannot; messages quote no cell, because cells name patients. */
export function parseManifest(text: string): Manifest {
  const [header, ...body] = parseCsv(text).rows;
  const places = locateColumns(header ?? []);
  if (!places.has('file')) {
    return { rows: [], problems: [{ line: 1, message: 'The manifest has no column "file".' }] };
  }
  const rows: ManifestRow[] = [];
  const problems: { line: number; message: string }[] = [];
  const lines = new Map<string, number>();
  for (const [index, cells] of body.entries()) {
    const line = index + 2;
    const cell = (name: string) => (cells[places.get(name) ?? -1] ?? '').normalize('NFC').trim();
    if (cells.every((value) => value.trim() === '')) continue;
    const wrong: string[] = [];
    const row = readRow(line, cell, wrong);
    if (wrong.length > 0) {
      problems.push({ line, message: `Row ${line}: ${wrong.join(', ')}.` });
      continue;
    }
    const earlier = lines.get(pathKey(row.file));
    if (earlier === undefined) {
      lines.set(pathKey(row.file), line);
      rows.push(row);
    } else {
      const message = `Row ${line}: row ${earlier} is for the same file; this one was left out.`;
      problems.push({ line, message });
    }
  }
  return { rows, problems };
}

function locateColumns(header: readonly string[]): Map<string, number> {
  const places = new Map<string, number>();
  for (const [index, title] of header.entries()) {
    const key = title
      .normalize('NFC')
      .trim()
      .toLowerCase()
      .replaceAll('ё', 'е')
      .replace(/[\s-]+/g, '_');
    const column = Object.keys(columns).find((name) => columns[name]!.includes(key));
    if (column !== undefined && !places.has(column)) places.set(column, index);
  }
  return places;
}

function readRow(line: number, cell: (name: string) => string, wrong: string[]): ManifestRow {
  const file = cell('file');
  if (file === '') wrong.push('the file is missing');
  const code = cell('patient');
  const eye = cell('eye') === '' ? null : parseLaterality(cell('eye'));
  if (cell('eye') !== '' && eye === null) wrong.push('the eye is not R, L or B');
  const birthYear = cell('birthYear') === '' ? null : Number(cell('birthYear'));
  if (birthYear !== null && !(Number.isInteger(birthYear) && birthYear >= 1850 && birthYear <= 2200)) {
    wrong.push('the birth year is not a year');
  }
  const patientFields = ['name', 'birthYear', 'sex', 'visit', 'visitDate'];
  if (code === '' && patientFields.some((field) => cell(field) !== '')) {
    wrong.push('there are patient details without a patient code');
  }
  return {
    line,
    file,
    patient:
      code === '' ? null : { code, name: cell('name') || null, birthYear, sex: readSex(cell('sex'), wrong) },
    visitLabel: cell('visit'),
    visitDate: readMoment(cell('visitDate'), 'visit date', wrong)?.slice(0, 10) ?? null,
    eye,
    modality: cell('modality').toUpperCase(),
    capturedAt: readMoment(cell('capturedAt'), 'capture date', wrong),
    quality: readQuality(cell('quality'), wrong),
    tags: readList(cell('tags')),
    findings: readList(cell('findings')),
    note: cell('note'),
  };
}

function readSex(text: string, wrong: string[]): Patient['sex'] {
  const letter = text.slice(0, 1).toUpperCase();
  if (letter === '') return null;
  const sex = letter === 'Ж' ? 'F' : letter === 'М' ? 'M' : sexes.find((known) => known === letter);
  if (sex === undefined) wrong.push('the sex is not F, M or O');
  return sex ?? null;
}

function readQuality(text: string, wrong: string[]): LibraryImage['quality'] {
  if (text === '') return null;
  const quality = imageQualities.find((known) => known === text.toLowerCase());
  if (quality === undefined) wrong.push('the quality is not good, usable or poor');
  return quality ?? null;
}

/** @returns `2024-02-29` or `2024-02-29T10:00:00` */
function readMoment(text: string, what: string, wrong: string[]): string | null {
  if (text === '') return null;
  const ordered = text.replace(/^(\d\d?)\.(\d\d?)\.(\d{4})/, (_, day: string, month: string, year: string) =>
    [year, month.padStart(2, '0'), day.padStart(2, '0')].join('-'),
  );
  const [, day, hours, minutes, seconds] =
    /^(\d{4}-\d\d-\d\d)(?:[ T](\d\d?):([0-5]\d)(?::([0-5]\d))?(?:\.\d+)?Z?)?$/.exec(ordered) ?? [];
  const date = day === undefined ? null : parseDate(day);
  if (date === null || (hours !== undefined && Number(hours) > 23)) {
    wrong.push(`the ${what} is not a date`);
    return null;
  }
  return hours === undefined ? date : `${date}T${hours.padStart(2, '0')}:${minutes!}:${seconds ?? '00'}`;
}

function readList(text: string): string[] {
  return [...new Set(text.split('|').map((item) => item.trim()))].filter((item) => item !== '');
}

/** Finds the row of a file by its path below the source, or by its name alone where one row has it. */
export class ManifestIndex {
  readonly #byPath = new Map<string, ManifestRow>();
  readonly #byName = new Map<string, ManifestRow | null>();
  readonly #used = new Set<ManifestRow>();

  constructor(rows: readonly ManifestRow[]) {
    for (const row of rows) {
      const key = pathKey(row.file);
      this.#byPath.set(key, row);
      const name = key.split('/').at(-1)!;
      this.#byName.set(name, this.#byName.has(name) || key.includes('/') ? null : row);
    }
  }

  /** @param relativePath below the imported folder, segments joined by slashes */
  find(relativePath: string): ManifestRow | null {
    const key = pathKey(relativePath);
    const row = this.#byPath.get(key) ?? this.#byName.get(key.split('/').at(-1)!) ?? null;
    if (row !== null) this.#used.add(row);
    return row;
  }

  unused(): ManifestRow[] {
    return [...this.#byPath.values()].filter((row) => !this.#used.has(row));
  }
}

function pathKey(file: string): string {
  return file
    .normalize('NFC')
    .replaceAll('\\', '/')
    .replace(/^(?:\.?\/)+/, '')
    .toLowerCase();
}
