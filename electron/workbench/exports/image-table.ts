import type { Deidentify } from '../../contract/exports.ts';
import type { LibraryImage } from '../../contract/library-image.ts';
import type { Library } from '../../store/library.ts';
import { Deidentifier } from './deidentify.ts';
import { columnsOf } from './table.ts';
import type { CellValue, Table } from './table.ts';

/**
 * One row per image, without patients' names in any case. De-identified, everything that a person wrote freely is left
 * out too: notes, tags, file names, paths, labels of visits.
 */
export function imageTable(library: Library, ids: readonly number[], deidentify: Deidentify | null): Table {
  const columns = columnsOf(
    'image_id:whole',
    'sha256:text',
    'patient_code:text',
    'sex:text',
    'birth_year:whole',
    'visit_date:text',
    'eye:text',
    'eye_source:text',
    'modality:text',
    'captured:text',
    'camera:text',
    'format:text',
    'width:whole',
    'height:whole',
    'bit_depth:whole',
    'quality:text',
    'findings:text',
    'trace_count:whole',
    'tags:text',
    'note:text',
    'file_name:text',
    'original_path:text',
  );
  const replaced = deidentify === null ? null : new Deidentifier(deidentify);
  return { columns, rows: readImages(library, ids, replaced) };
}

function* readImages(
  library: Library,
  ids: readonly number[],
  replaced: Deidentifier | null,
): Generator<readonly CellValue[]> {
  for (const id of ids) {
    const image = library.images.get(id);
    const patient = image.patientId === null ? null : library.patients.get(image.patientId);
    const visitDate = image.visitId === null ? null : library.visits.get(image.visitId).date;
    const findings = library.findings.ofImage(id).map(({ label }) => label);
    const who = (clear: string | null) => (replaced === null ? clear : replaced.code(image.patientId));
    const when = (clear: string | null) =>
      replaced === null ? clear : replaced.date(image.patientId, clear);
    yield [
      id,
      image.sha256,
      who(patient?.code ?? null),
      patient?.sex ?? null,
      replaced === null ? (patient?.birthYear ?? null) : null,
      when(visitDate),
      image.laterality,
      image.lateralitySource,
      image.modality,
      when(image.capturedAt),
      image.camera,
      image.format,
      image.width,
      image.height,
      image.bitDepth,
      image.quality,
      findings.join('; '),
      image.traceCount,
      ...writtenFreely(library, image, replaced !== null),
    ];
  }
}

function writtenFreely(library: Library, image: LibraryImage, leaveOut: boolean): readonly CellValue[] {
  if (leaveOut) return [null, null, null, null];
  const tags = library.tags.ofImage(image.id).map(({ name }) => name);
  return [tags.join('; '), image.note, image.fileName, image.originalPath];
}
