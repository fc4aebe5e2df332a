import { z } from 'zod';
import { providerNames } from '../../engine/lens-trace/lens-trace.ts';
import { call } from '../call.ts';
import { count, instantSchema, taskIdSchema } from '../ids.ts';
import { problemSchema } from '../problem.ts';

/**
 * Kinds of reasons: the CUDA library is not installed, or cannot be loaded; there is no graphics card with a driver; or
 * something else.
 */
export const providerTroubles = ['no-library', 'library-fails', 'no-device', 'other'] as const;

/** What a trial showed of one provider on this machine. */
export const providerStatusSchema = z.object({
  provider: z.enum(providerNames),
  works: z.boolean(),
  /** Why it does not; null when it does. */
  failure: z.string().nullable(),
  trouble: z.enum(providerTroubles).nullable(),
  /** Whether its device is a program on the processor, which `auto` passes over. */
  software: z.boolean(),
  /** Whether its own attention kernels gave right numbers; else attention is composed from products. */
  fusedAttention: z.boolean(),
  /** Why it cannot run weights of 4 or 8 bits; null when it can. */
  blockFailure: z.string().nullable(),
  device: z.string().nullable(),
  /** Memory of the device in all; null when unknown, or when it uses the host's. */
  deviceMemoryBytes: count.nullable(),
});

/** The CUDA library that was installed here. */
export const installedLibrarySchema = z.object({
  version: z.string(),
  bytes: count,
  installedAt: instantSchema,
  /** Address, or name of a file that a person brought. */
  from: z.string(),
  sha512: z.string(),
  /** Whether the hash was compared with one that somebody stated. */
  compared: z.boolean(),
});

/** What there is of the CUDA library; its installation is a task. */
export const cudaLibrarySchema = z.object({
  /** Why there can be none on this system; null where there can. */
  unsupported: problemSchema.nullable(),
  installed: installedLibrarySchema.nullable(),
  /** Address of the feed that would be asked. */
  feed: z.string(),
  offline: z.boolean(),
});

export const providersReportSchema = z.object({
  /** In the order in which `auto` tries them. */
  providers: z.array(providerStatusSchema),
  /** ONNX Runtime as it is installed. */
  runtime: z.object({ version: z.string(), folder: z.string(), platform: z.string() }),
});

export const providersViewSchema = providersReportSchema.extend({ cuda: cudaLibrarySchema });

export type ProviderStatus = z.infer<typeof providerStatusSchema>;

export type ProviderTrouble = (typeof providerTroubles)[number];

export type CudaLibrary = z.infer<typeof cudaLibrarySchema>;

export type ProvidersReport = z.infer<typeof providersReportSchema>;

export type ProvidersView = z.infer<typeof providersViewSchema>;

export const providers = {
  /** What this machine can compute with. Trials take seconds; without `fresh`, those of this run are told again. */
  list: call
    .input(z.strictObject({ fresh: z.boolean().default(false) }).prefault({}))
    .output(providersViewSchema),
  /** Begins to install the library of the cuda provider. */
  installCuda: call
    .input(
      z.discriminatedUnion('from', [
        z.strictObject({ from: z.literal('feed') }),
        /** A package that a person has brought; `sha512` is compared when it is stated. */
        z.strictObject({ from: z.literal('file'), path: z.string().min(1), sha512: z.string().optional() }),
      ]),
    )
    .output(z.object({ taskId: taskIdSchema })),
  removeCuda: call.input(z.strictObject({ confirmed: z.literal(true) })).output(providersViewSchema),
};
