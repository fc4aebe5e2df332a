import type { Deidentify } from '../../../contract/exports.ts';
import type { LibraryImage } from '../../../contract/images/library-image.ts';
import type { Library } from '../../../store/library/library.ts';
import { Deidentifier } from '../study/deidentify.ts';
import { columnsOf } from './table.ts';
import type { CellValue, Table } from './table.ts';

/**
 * One row per image, without patients' names in any case. De-identified, everything that a person wrote freely is left
 * out too: notes, tags, findings, file names, paths, labels of visits; so are the camera, the hash and the row's number.
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
  const withFindings = deidentify === null || deidentify.keep?.includes('findings') === true;
  return { columns, rows: readImages(library, ids, replaced, withFindings) };
}

function* readImages(
  library: Library,
  ids: readonly number[],
  replaced: Deidentifier | null,
  withFindings: boolean,
): Generator<readonly CellValue[]> {
  for (const [index, id] of ids.entries()) {
    const image = library.images.get(id);
    const patient = image.patientId === null ? null : library.patients.get(image.patientId);
    const visitDate = image.visitId === null ? null : library.visits.get(image.visitId).date;
    const findings = withFindings ? library.findings.ofImage(id).map(({ label }) => label) : [];
    const who = (clear: string | null) => (replaced === null ? clear : replaced.code(image.patientId));
    const when = (clear: string | null) =>
      replaced === null ? clear : replaced.date(image.patientId, clear);
    yield [
      // The library's own number and the hash of the original would lead back to it.
      replaced === null ? id : index + 1,
      replaced === null ? image.sha256 : null,
      who(patient?.code ?? null),
      patient?.sex ?? null,
      replaced === null ? (patient?.birthYear ?? null) : null,
      when(visitDate),
      image.laterality,
      image.lateralitySource,
      image.modality,
      when(image.capturedAt),
      replaced === null ? image.camera : null,
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
