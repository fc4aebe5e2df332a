import type { ImportRecord, ImportRepeat } from '../contract/imports/import-store.ts';
import { lateralityFromFileName } from '../contract/laterality.ts';
import type { LateralityReading } from '../contract/laterality.ts';
import { imageQualities } from '../contract/image-query.ts';
import type { ImageFormat } from '../contract/image-query.ts';
import type { LoadedDatasets, PlacedRecord } from './datasets/load-datasets.ts';
import { toLabels } from './datasets/to-labels.ts';
import type { Photograph } from './datasets/to-labels.ts';
import { decodeImage } from './decode/decode-image.ts';
import type { DecodedImage } from './decode/decode-image.ts';
import { readAttributes } from './dicom/attributes.ts';
import type { DicomAttributes } from './dicom/attributes.ts';
import { parseDicom } from './dicom/dicom-file.ts';
import { DicomValues } from './dicom/values.ts';
import { applyFolderRule } from './sources/folder-rule.ts';
import type { ImportOptions } from './import-options.ts';
import { ImportFailure } from './import-failure.ts';
import type { ImportLimits } from './import-failure.ts';
import type { ManifestIndex, ManifestRow } from './manifest/manifest.ts';
import { sniffFormat } from './decode/sniff-format.ts';
import type { SourceFile } from './sources/source-item.ts';
import { makeRendering } from './views/views.ts';
import { visitFromParts } from './visit.ts';

export interface FileToPrepare {
  readonly item: SourceFile;
  readonly bytes: Buffer;
  readonly sha256: string;
  readonly options: ImportOptions;
  readonly limits: ImportLimits;
  readonly manifest: ManifestIndex;
  readonly datasets: LoadedDatasets;
}

/**
 * Decodes a file, writes its copy and its views, and says what the library should know of it. Files are written before
 * the row that names them, so that a crash in between leaves a file too many and never a row too many.
 */
export async function prepareRecord(file: FileToPrepare): Promise<ImportRecord | ImportRepeat> {
  const { item, bytes, sha256, options, limits } = file;
  const row = file.manifest.find([...item.folders, item.name].join('/'));
  const format = formatOf(bytes);
  if (options.store.hasContent(sha256)) {
    const dicom = format === 'dicom' ? readDicomAttributes(bytes, limits) : null;
    const { patient } = assign(file, row, dicom);
    return { repeat: true, path: item.path, sha256, patient, dataset: await labelRepeat(file, format) };
  }
  const decoded = await decodeImage(bytes, format, limits);
  const { patient, visit } = assign(file, row, decoded.dicom);
  const placed = placedRecord(file);
  const eye = chooseLaterality(decoded.dicom, row, placed, item.name);
  return {
    image: {
      sha256,
      fileName: item.name.normalize('NFC'),
      originalPath: item.path,
      ...(await writeFiles(file, decoded, format)),
      bytes: bytes.byteLength,
      format,
      width: decoded.width,
      height: decoded.height,
      bitDepth: decoded.bitDepth,
      frames: decoded.frames,
      laterality: eye.laterality,
      lateralitySource: eye.source,
      modality: decoded.dicom?.modality ?? row?.modality ?? '',
      capturedAt: decoded.dicom?.capturedAt ?? row?.capturedAt ?? decoded.exif.capturedAt,
      camera: decoded.dicom?.camera ?? decoded.exif.camera,
      quality: row?.quality ?? qualityOf(placed),
      note: row?.note ?? '',
      remarks: [...decoded.remarks],
      sopInstanceUid: decoded.dicom?.sopInstanceUid ?? null,
    },
    patient,
    visit,
    tags: row?.tags ?? [],
    findings: (row?.findings ?? []).map((label) => ({ label, source: 'manifest' as const })),
    dataset: await labelsFrom(file, placed, { sha256, ...decoded }),
  };
}

function formatOf(bytes: Buffer): ImageFormat {
  const sniffed = sniffFormat(bytes);
  switch (sniffed.kind) {
    case 'image':
      return sniffed.format;
    case 'zip':
      throw new ImportFailure('archive.nested', 'An archive inside an archive is not unpacked.');
    case 'other':
      throw new ImportFailure('format.unsupported', `This is a ${sniffed.name}, which is not taken in.`);
    default:
      throw new ImportFailure('format.unknown', 'The first bytes belong to no known format.');
  }
}

/** The manifest is the person's own word; then the data set's; then the file's; then the folder names. */
function assign(
  file: FileToPrepare,
  row: ManifestRow | null,
  dicom: DicomAttributes | null,
): Pick<ImportRecord, 'patient' | 'visit'> {
  if (row?.patient) {
    const named = visitFromParts({ date: row.visitDate, label: row.visitLabel });
    return { patient: row.patient, visit: named ?? dicom?.visit ?? null };
  }
  const placed = placedRecord(file);
  const record = placed?.record;
  if (placed !== null && record?.patientCode) {
    // Data sets number their patients from one; their names keep them apart.
    const code = `${placed.origin.title} ${record.patientCode}`;
    return { patient: { code, name: null, birthYear: null, sex: record.sex }, visit: null };
  }
  if (dicom?.patient) return { patient: dicom.patient, visit: dicom.visit };
  return applyFolderRule(file.options.folderRule ?? [], file.item.folders);
}

/** What the camera wrote comes before what a person typed, and both before what a name suggests. */
function chooseLaterality(
  dicom: DicomAttributes | null,
  row: ManifestRow | null,
  placed: PlacedRecord | null,
  fileName: string,
): LateralityReading {
  if (dicom !== null && dicom.laterality.laterality !== 'unknown') return dicom.laterality;
  if (row?.eye === 'unknown') return { laterality: 'unknown', source: 'none' };
  if (row?.eye) return { laterality: row.eye, source: 'manifest' };
  const said = placed?.record?.eye;
  if (said === 'R' || said === 'L') return { laterality: said, source: 'manifest' };
  return lateralityFromFileName(fileName);
}

function placedRecord({ item, datasets }: FileToPrepare): PlacedRecord | null {
  return item.inPlace === null ? null : datasets.of(item.inPlace);
}

function qualityOf(placed: PlacedRecord | null): ImportRecord['image']['quality'] {
  const said = placed?.record?.values['header.quality']?.value;
  return imageQualities.find((quality) => quality === said) ?? null;
}

async function labelsFrom(
  { options, limits }: FileToPrepare,
  placed: PlacedRecord | null,
  photograph: Photograph,
): Promise<ImportRecord['dataset']> {
  const { protocolSchema = null } = options;
  if (placed === null || protocolSchema === null) return null;
  return toLabels(placed, photograph, protocolSchema, limits);
}

/** Of a photograph that the library has already, and that is decoded once more for the size of its masks alone. */
async function labelRepeat(file: FileToPrepare, format: ImageFormat): Promise<ImportRecord['dataset']> {
  const placed = placedRecord(file);
  if (placed === null) return null;
  const { bytes, sha256, limits } = file;
  const { width, height } =
    placed.record?.masks.length === 0 ? { width: 0, height: 0 } : await decodeImage(bytes, format, limits);
  return labelsFrom(file, placed, { sha256, width, height });
}

async function writeFiles(
  { item, bytes, sha256, options }: FileToPrepare,
  decoded: DecodedImage,
  format: ImageFormat,
): Promise<Pick<ImportRecord['image'], 'storage' | 'managedPath' | 'renderingPath'>> {
  const { files } = options;
  const place = `${sha256.slice(0, 2)}/${sha256}`;
  const inPlace = options.storage === 'in-place' && item.inPlace !== null;
  const managedPath = inPlace ? null : `originals/${place}.${format === 'jpeg' ? 'jpg' : format}`;
  const renderingPath = decoded.rendering === null ? null : `renderings/${place}.png`;
  if (managedPath !== null) await files.write(managedPath, bytes);
  if (renderingPath !== null && decoded.rendering !== null) {
    await files.write(renderingPath, await makeRendering(decoded.rendering));
  }
  await files.write(`thumbnails/${place}-small.webp`, decoded.views.small);
  await files.write(`thumbnails/${place}-large.webp`, decoded.views.large);
  return { storage: inPlace ? 'in-place' : 'managed', managedPath, renderingPath };
}

function readDicomAttributes(bytes: Buffer, limits: ImportLimits): DicomAttributes {
  const { dataset, littleEndian } = parseDicom(bytes, limits);
  return readAttributes(new DicomValues(dataset, littleEndian));
}
