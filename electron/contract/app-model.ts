import { z } from 'zod';
import { idSchema, instantSchema } from './library-model.ts';
import { providerNames } from '../engine/lens-trace/lens-trace.ts';
import { importCountsSchema, importStates } from './import-model.ts';
import { engineStages } from '../engine/process/messages.ts';
import { jobStates } from './job-model.ts';
import { modelTaskSchema } from './model-manager.ts';
import { problemSchema } from './problem.ts';
import { cudaLibrarySchema } from './provider-status.ts';

export const appInfoSchema = z.object({
  name: z.literal('fundus-lens'),
  version: z.string(),
  node: z.string(),
  platform: z.string(),
  /** The newest library schema that this version writes. */
  librarySchema: z.int().positive(),
  /** Absolute paths; null where the face has none. */
  folders: z.object({
    library: z.string(),
    cache: z.string(),
    models: z.string(),
    logs: z.string().nullable(),
  }),
  /** In the order in which `auto` tries them; whether one works is known when a model loads. */
  providers: z.array(z.enum(providerNames)),
  /** True when nothing may leave this computer. */
  offline: z.boolean(),
  cpuCores: z.int().positive(),
  memoryBytes: z.int().positive(),
});

export const licenceSchema = z.object({ name: z.string(), version: z.string(), licence: z.string() });

export const languages = ['en', 'ru'] as const;
export const themes = ['light', 'dark', 'system'] as const;

export const settingsSchema = z.object({
  language: z.enum(languages).nullable().default(null),
  theme: z.enum(themes).default('dark'),
  provider: z.enum([...providerNames, 'auto']).default('auto'),
  /** Refuses every call that would use the network. */
  offline: z.boolean().default(true),
  /** Address of the NuGet feed that has the CUDA library; null for nuget.org. */
  cudaFeed: z.url().nullable().default(null),
  /** Opened at the next start; null for the default one. */
  libraryFolder: z.string().min(1).nullable().default(null),
  backups: z
    .object({
      automatic: z.boolean().default(true),
      /** Days between automatic backups. */
      everyDays: z.int().min(1).max(90).default(1),
      /** How many are kept; older ones are removed. */
      keep: z.int().min(1).max(100).default(10),
    })
    .prefault({}),
  trace: z
    .object({
      topK: z.int().min(1).max(200).default(10),
      generate: z.int().min(0).max(512).default(16),
      conceptSetId: z.string().default('fundus'),
      modelId: idSchema.nullable().default(null),
    })
    .prefault({}),
  models: z
    .object({
      /** Where models are kept; null for the default folder. Takes effect at the next start. */
      folder: z.string().min(1).nullable().default(null),
      /** Address of the hub or of a mirror; null for HF_ENDPOINT, else huggingface.co. */
      endpoint: z.url().nullable().default(null),
      /** Files downloaded at a time. */
      parallel: z.int().min(1).max(8).default(3),
    })
    .prefault({}),
  /** Whether the tour was finished or skipped. */
  tourDone: z.boolean().default(false),
  /** Layout and choices that only the interface understands. */
  interface: z.record(z.string(), z.unknown()).default({}),
});

export const settingsPatchSchema = z.strictObject({
  language: z.enum(languages).nullable().optional(),
  theme: z.enum(themes).optional(),
  provider: z.enum([...providerNames, 'auto']).optional(),
  offline: z.boolean().optional(),
  cudaFeed: z
    .url({ protocol: /^https?$/ })
    .nullable()
    .optional(),
  libraryFolder: z.string().min(1).nullable().optional(),
  backups: z
    .strictObject({
      automatic: z.boolean().optional(),
      everyDays: z.int().min(1).max(90).optional(),
      keep: z.int().min(1).max(100).optional(),
    })
    .optional(),
  trace: z
    .strictObject({
      topK: z.int().min(1).max(200).optional(),
      generate: z.int().min(0).max(512).optional(),
      conceptSetId: z.string().optional(),
      modelId: idSchema.nullable().optional(),
    })
    .optional(),
  models: z
    .strictObject({
      folder: z.string().min(1).nullable().optional(),
      endpoint: z
        .url({ protocol: /^https?$/ })
        .nullable()
        .optional(),
      parallel: z.int().min(1).max(8).optional(),
    })
    .optional(),
  tourDone: z.boolean().optional(),
  /** Merged key by key; null removes a key. */
  interface: z.record(z.string(), z.unknown()).optional(),
});

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
  databaseBytes: z.int().nonnegative(),
  freeBytes: z.int().nonnegative().nullable(),
  lastBackupAt: instantSchema.nullable(),
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

const count = z.int().nonnegative();

/** What happens while nobody asks; one stream for a whole face. */
export const workbenchEventSchema = z.discriminatedUnion('type', [
  /** Sent first on a fresh stream and after events were lost: read every list anew. */
  z.object({ type: z.literal('resync') }),
  z.object({
    type: z.literal('job'),
    jobId: idSchema,
    state: z.enum(jobStates),
    imageId: idSchema.nullable(),
    traceId: idSchema.nullable(),
    problem: problemSchema.nullable(),
  }),
  z.object({
    type: z.literal('job-progress'),
    jobId: idSchema,
    stage: z.enum(engineStages),
    done: count,
    total: count,
  }),
  /** The queue as a whole changed: jobs were added, or it was paused or resumed. */
  z.object({ type: z.literal('queue'), paused: z.boolean() }),
  z.object({
    type: z.literal('import'),
    importId: idSchema,
    state: z.enum(importStates),
    counts: importCountsSchema,
    /** Files found so far; grows while folders and archives are read. */
    filesFound: count.nullable(),
    /** The file in work; a base name, never a whole path. */
    current: z.string().nullable(),
  }),
  /** Rows changed; empty ids mean "many". */
  z.object({
    type: z.literal('library'),
    what: z.enum([
      'images',
      'patients',
      'visits',
      'groups',
      'tags',
      'traces',
      'prompts',
      'concepts',
      'backups',
    ]),
    ids: z.array(idSchema),
  }),
  z.object({
    type: z.literal('engine'),
    modelId: idSchema.nullable(),
    state: z.enum(['starting', 'ready', 'busy', 'stopped', 'crashed']),
    problem: problemSchema.nullable(),
  }),
  z.object({ type: z.literal('models') }),
  /** A download, copy, preparation or verification moved on. */
  z.object({ type: z.literal('model-task'), task: modelTaskSchema }),
  /** An installation of the CUDA library moved on or ended. */
  z.object({ type: z.literal('cuda-library'), cuda: cudaLibrarySchema }),
  z.object({ type: z.literal('settings') }),
]);

export type AppInfo = z.infer<typeof appInfoSchema>;
export type Licence = z.infer<typeof licenceSchema>;
export type AppSettings = z.infer<typeof settingsSchema>;
export type SettingsPatch = z.infer<typeof settingsPatchSchema>;
export type LibraryStatus = z.infer<typeof libraryStatusSchema>;
export type Backup = z.infer<typeof backupSchema>;
export type VerifyReport = z.infer<typeof verifyReportSchema>;
export type WorkbenchEvent = z.infer<typeof workbenchEventSchema>;
