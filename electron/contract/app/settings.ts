import { z } from 'zod';
import { providerNames } from '../../engine/lens-trace/lens-trace.ts';
import { call } from '../call.ts';
import { idSchema } from '../ids.ts';

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
  /** Whether somebody wants to hear of new versions, and whom to ask; null for what the build names. */
  updates: z
    .object({ enabled: z.boolean().default(false), address: z.url().nullable().default(null) })
    .prefault({}),
  /** Opened at the next start; null for the default one. */
  libraryFolder: z.string().min(1).nullable().default(null),
  backups: z
    .object({
      automatic: z.boolean().default(true),
      /** Days between automatic backups. */
      everyDays: z.int().min(1).max(90).default(1),
      /** How many are kept; older ones are removed. */
      keep: z.int().min(1).max(100).default(10),
      /** Older ones are removed too; the newest stays in any case. */
      keepDays: z.int().min(1).max(3650).default(365),
      /** Of all together, in units of 10⁶ bytes. */
      mostMegabytes: z.int().min(10).max(1_000_000).default(5000),
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
  updates: z
    .strictObject({
      enabled: z.boolean().optional(),
      address: z
        .url({ protocol: /^https?$/ })
        .nullable()
        .optional(),
    })
    .optional(),
  backups: z
    .strictObject({
      automatic: z.boolean().optional(),
      everyDays: z.int().min(1).max(90).optional(),
      keep: z.int().min(1).max(100).optional(),
      keepDays: z.int().min(1).max(3650).optional(),
      mostMegabytes: z.int().min(10).max(1_000_000).optional(),
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

export type AppSettings = z.infer<typeof settingsSchema>;

export type SettingsPatch = z.infer<typeof settingsPatchSchema>;

export const settings = {
  get: call.output(settingsSchema),
  patch: call.input(settingsPatchSchema).output(settingsSchema),
};
