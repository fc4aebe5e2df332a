import { z } from 'zod';
import { call } from '../call.ts';
import { exportResultSchema } from '../exports.ts';
import { folderPreviewSchema } from './import-preview.ts';
import { byId, idSchema, instantSchema, sha256Schema, taskIdSchema } from '../ids.ts';

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
  'dataset.recognised',
  'dataset.bad-row',
  'dataset.table',
  'dataset.mask',
  'dataset.copy',
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

const folderRule = z.string().regex(/^(?:none|(?:patient|visit|\*)(?:\/(?:patient|visit|\*))*)$/);

/** What a person decides before an import. */
export const importChoicesSchema = z.strictObject({
  /** `managed` copies originals into the library; `in-place` only remembers where they are. */
  storage: z.enum(['managed', 'in-place']).default('managed'),
  /** What the folder levels below a chosen folder name, outermost first; `*` is a level without meaning. */
  folderRule: folderRule.default('none'),
  /** CSV file that names patient, eye, visit, tags and findings of files; null looks for `manifest.csv` beside them. */
  manifest: z.string().min(1).nullable().default(null),
  /** Put on every imported image. */
  tags: z.array(z.string().trim().min(1).max(100)).max(50).default([]),
  /** Whether the layouts of public data sets are recognised, and their patients, labels and masks taken in. */
  datasets: z.boolean().default(true),
});

export type ImportChoices = z.infer<typeof importChoicesSchema>;

const begun = z.object({ importId: idSchema, taskId: taskIdSchema });

const importSummarySchema = importReportSchema.omit({ schema: true, entries: true });

export const imports = {
  /** What an import would make of folders and file names; contents are not read. */
  preview: call
    .input(
      z.strictObject({
        /** On the computer that runs the workbench. */
        paths: z.array(z.string().min(1)).max(10_000).default([]),
        /** Of files that a browser has not handed over yet, with slashes. */
        files: z.array(z.string().min(1)).max(500_000).default([]),
        /** null takes the rule that the names suggest. */
        folderRule: folderRule.nullable().default(null),
      }),
    )
    .output(folderPreviewSchema),
  /** Begins in the background, after imports that have begun before. */
  start: call
    .input(
      z.strictObject({
        paths: z.array(z.string().min(1)).min(1).max(10_000),
        options: importChoicesSchema.prefault({}),
      }),
    )
    .output(begun),
  /** The same for files that a browser hands over; they are always copied into the library. */
  upload: call
    .input(
      z.strictObject({
        files: z.array(z.file()).min(1).max(10_000),
        options: importChoicesSchema.prefault({}),
      }),
    )
    .output(begun),
  /** Newest first. */
  list: call
    .input(z.strictObject({ limit: z.int().min(1).max(1000).default(50) }))
    .output(z.array(importSummarySchema)),
  get: call.input(byId).output(importReportSchema),
  exportReport: call
    .input(byId.extend({ format: z.enum(['csv', 'json']).default('csv') }))
    .output(exportResultSchema),
};
