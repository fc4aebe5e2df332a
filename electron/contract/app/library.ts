import { z } from 'zod';
import { call } from '../call.ts';
import { idSchema, instantSchema } from '../ids.ts';
import { problemSchema } from '../problem.ts';

export const libraryStatusSchema = z.object({
  folder: z.string(),
  /** `read-only` says why in `problem`: a newer schema, or missing permission. */
  state: z.enum(['open', 'read-only']),
  problem: problemSchema.nullable(),
  warnings: z.array(z.object({ kind: z.string(), name: z.string(), message: z.string() })),
  schemaVersion: z.int().nonnegative(),
  counts: z.object({
    images: z.int().nonnegative(),
    patients: z.int().nonnegative(),
    traces: z.int().nonnegative(),
    groups: z.int().nonnegative(),
  }),
  /** On the disk, with what was written last and lies beside the file still. */
  databaseBytes: z.int().nonnegative(),
  freeBytes: z.int().nonnegative().nullable(),
  lastBackupAt: instantSchema.nullable(),
  /** When the database was last looked through; `found` says what was wrong, null when nothing was. */
  lastCheck: z.object({ at: instantSchema, found: z.string().nullable() }).nullable(),
  /** Whether what comes with the software, samples and model, is still on its way in. */
  isFilling: z.boolean(),
});

export const backupSchema = z.object({
  /** File name inside the library's folder of backups. */
  name: z.string(),
  createdAt: instantSchema,
  bytes: z.int().nonnegative(),
  /** Whether it was opened and checked; null when that was not tried yet. */
  verified: z.boolean().nullable(),
});

export const verifyReportSchema = z.object({
  ok: z.boolean(),
  /** Plain English sentences; empty when nothing is wrong. */
  problems: z.array(z.string()),
  checked: z.object({
    images: z.int().nonnegative(),
    arrayFiles: z.int().nonnegative(),
    auditEntries: z.int().nonnegative(),
  }),
  /** Files that no row needs any more, relative to the library folder. */
  leftOver: z.array(z.string()),
  auditIntact: z.boolean(),
});

export const auditEntrySchema = z.object({
  id: idSchema,
  at: instantSchema,
  actor: z.string(),
  action: z.string(),
  subject: z.string(),
  details: z.record(z.string(), z.unknown()),
  hash: z.string(),
});

export type LibraryStatus = z.infer<typeof libraryStatusSchema>;

export type Backup = z.infer<typeof backupSchema>;

export type VerifyReport = z.infer<typeof verifyReportSchema>;

/** Where a library keeps its parts; absolute paths. */
export interface LibraryPaths {
  readonly root: string;
  readonly database: string;
  /** Managed copies, `originals/ab/<sha256>.<ext>`. */
  readonly originals: string;
  /** Lossless PNG of DICOM, BMP and HEIC images. */
  readonly renderings: string;
  /** WebP views, a cache that can be deleted. */
  readonly thumbnails: string;
  /** Compressed arrays named by content hash. */
  readonly arrays: string;
  readonly backups: string;
  /** Files that are being written; on the same file system, so that a rename is atomic. */
  readonly temporary: string;
}

export const library = {
  status: call.output(libraryStatusSchema),
  backups: {
    /** Newest first. */
    list: call.output(z.array(backupSchema)),
    create: call.output(backupSchema),
    /** Replaces the library by a backup; what was there becomes a backup first. */
    restore: call.input(z.strictObject({ name: z.string() })).output(libraryStatusSchema),
  },
  /**
   * Makes what was removed unreadable: its files go, and the database is written anew. `backups` names those that may
   * still hold it.
   */
  erase: call.output(
    z.object({
      files: z.int().nonnegative(),
      bytes: z.int().nonnegative(),
      backups: z.array(z.string()),
    }),
  ),
  /** Reads everything: the database's own check, hashes of all files, the chain of the audit log. */
  verify: call.output(verifyReportSchema),
  /** Newest first. */
  audit: call
    .input(z.strictObject({ limit: z.int().min(1).max(1000).default(100), beforeId: idSchema.optional() }))
    .output(z.array(auditEntrySchema)),
};
