import { z } from 'zod';
import { idSchema, instantSchema, sha256Schema } from './library-model.ts';
import type { LibraryImage, Patient, Visit } from './library-model.ts';

/** Why a file was not taken in, or what has to be said about one that was; one code per cause. */
export const importReasons = [
  'file.empty',
  'file.too-large',
  'file.changed',
  'file.missing',
  'file.unreadable',
  'file.special',
  'file.unexpected',
  'link.skipped',
  'system-file.skipped',
  'document.skipped',
  'format.unknown',
  'format.unsupported',
  'image.truncated',
  'image.corrupt',
  'image.too-many-pixels',
  'image.unreadable',
  'bmp.unsupported',
  'heic.no-decoder',
  'dicom.damaged',
  'dicom.truncated',
  'dicom.no-pixels',
  'dicom.transfer-syntax',
  'dicom.photometric',
  'dicom.pixel-format',
  'dicom.too-many-pixels',
  'dicom.codec',
  'dicomdir.damaged',
  'dicomdir.missing-file',
  'dicomdir.unsafe-path',
  'dicomdir.index',
  'archive.damaged',
  'archive.encrypted',
  'archive.entry-count',
  'archive.entry-too-large',
  'archive.method',
  'archive.nested',
  'archive.ratio',
  'archive.total-size',
  'archive.unsafe-path',
  'conflict.other-patient',
  'duplicate.in-library',
  'manifest.bad-row',
  'manifest.no-file',
  'manifest.read',
  'import.stopped',
  'remark.first-of-many',
  'remark.decoder-warning',
  'remark.no-transfer-syntax',
  'remark.windowed',
  'remark.name-differs-in-case',
] as const;
export type ImportReason = (typeof importReasons)[number];

export const importStatuses = ['added', 'duplicate', 'conflict', 'failed', 'skipped', 'note'] as const;

export const importEntrySchema = z.object({
  /** The file, or the manifest row; inside an archive as `archive.zip!/folder/file.jpg`. */
  path: z.string(),
  status: z.enum(importStatuses),
  reason: z.enum(importReasons).nullable(),
  /** One English sentence for the report; never names a patient. */
  detail: z.string(),
  sha256: sha256Schema.nullable(),
  /** The image made, or the one already in the library. */
  imageId: idSchema.nullable(),
});

export const importStates = ['running', 'done', 'cancelled', 'failed'] as const;
export const importCountsSchema = z.record(z.enum(importStatuses), z.int().nonnegative());

export const importReportSchema = z.object({
  schema: z.literal('fundus-lens.import-report/1'),
  id: idSchema,
  state: z.enum(importStates),
  sources: z.array(z.string()),
  startedAt: instantSchema,
  finishedAt: instantSchema.nullable(),
  counts: importCountsSchema,
  entries: z.array(importEntrySchema),
});

export type ImportEntry = z.infer<typeof importEntrySchema>;
export type ImportStatus = (typeof importStatuses)[number];
export type ImportState = (typeof importStates)[number];
export type ImportCounts = z.infer<typeof importCountsSchema>;
export type ImportReport = z.infer<typeof importReportSchema>;

/** A decoded file that waits to be committed. */
export interface ImportRecord {
  readonly image: Omit<LibraryImage, 'id' | 'patientId' | 'visitId' | 'traceCount' | 'importedAt'>;
  readonly patient: Pick<Patient, 'code' | 'name' | 'birthYear' | 'sex'> | null;
  readonly visit: Pick<Visit, 'key' | 'date' | 'label' | 'studyUid'> | null;
  readonly tags: readonly string[];
  readonly findings: readonly { readonly label: string; readonly source: 'manifest' | 'dicom' }[];
}

/** A file whose content the library has already, so that it was not decoded again. */
export interface ImportRepeat {
  readonly repeat: true;
  readonly path: string;
  readonly sha256: string;
  readonly patient: ImportRecord['patient'];
}

/** An outcome that needs no row in `images`. */
export type ImportMiss = Omit<ImportEntry, 'imageId'>;

/** What the import needs of a store; one batch is one transaction, and returning from it is the acknowledgement. */
export interface ImportStore {
  begin(sources: readonly string[]): number;
  /** The outcome of each record, then each miss, in the order given. */
  commit(
    importId: number,
    records: readonly (ImportRecord | ImportRepeat)[],
    misses: readonly ImportMiss[],
  ): ImportEntry[];
  finish(importId: number, state: Exclude<ImportState, 'running'>): void;
  hasContent(sha256: string): boolean;
}
