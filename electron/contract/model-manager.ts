import { z } from 'zod';
import { problemSchema } from './problem.ts';
import { idSchema, instantSchema, sha256Schema } from './library-model.ts';
import { blockSizes, weightFormats } from './prepared-model.ts';
import { sizeEstimateSchema } from './size-estimate.ts';

const count = z.int().nonnegative();
const commitSchema = z.string().regex(/^[0-9a-f]{40}$/);

/** `owner/name`, as the hub writes it; a few old models have no owner. */
export const repositorySchema = z
  .string()
  .trim()
  .regex(/^(?:[A-Za-z0-9][\w.-]*\/)?[A-Za-z0-9][\w.-]*$/)
  .max(200);
/** Branch, tag or commit. */
export const revisionSchema = z
  .string()
  .trim()
  .regex(/^[A-Za-z0-9][\w./-]*$/)
  .max(200);

/** Where a model of the store came from. */
export const modelOriginSchema = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('hub'),
    endpoint: z.string(),
    repository: repositorySchema,
    /** As it was asked for; `commit` is what it meant then. */
    revision: revisionSchema,
    commit: commitSchema,
  }),
  z.object({
    kind: z.literal('cache'),
    folder: z.string(),
    repository: repositorySchema,
    commit: z.string(),
  }),
  z.object({ kind: z.literal('folder'), folder: z.string() }),
  z.object({ kind: z.literal('prepared'), folder: z.string(), sourceSha256: sha256Schema }),
]);

/** What this computer has now. */
export const roomSchema = z.object({
  /** Free on the disk of the models; null when the system does not say. */
  diskBytes: count.nullable(),
  /** Memory that programs may still take, by the limits of a container too. */
  memoryFreeBytes: count,
  memoryTotalBytes: count,
});

/** A model before it is added: what it is, what it costs, what there is. */
export const modelOfferSchema = z.object({
  name: z.string(),
  /** As config.json names it. */
  family: z.string(),
  numLayers: count,
  dModel: count,
  vocabSize: count,
  parameters: count,
  origin: modelOriginSchema,
  files: z.array(z.object({ name: z.string(), bytes: count })),
  /** Still to be downloaded or copied. */
  neededBytes: count,
  estimates: z.array(sizeEstimateSchema),
  room: roomSchema,
});

/** One revision of a repository in a cache that Python's huggingface_hub keeps. */
export const cachedModelSchema = z.object({
  repository: z.string(),
  commit: z.string(),
  /** Branches and tags that mean this commit. */
  refs: z.array(z.string()),
  folder: z.string(),
  bytes: count,
  complete: z.boolean(),
  /** What is missing of an incomplete one; null of a complete one. */
  missing: z.string().nullable(),
  /** Of its config.json; null when that is missing. */
  modelType: z.string().nullable(),
  /** Whether it looks at images at all. */
  hasVision: z.boolean(),
});

export const modelTaskKinds = ['download', 'copy', 'prepare', 'verify'] as const;
export const modelTaskStates = ['running', 'paused', 'failed', 'done', 'cancelled'] as const;
export const modelTaskPhases = [
  'starting',
  'headers',
  'fetch',
  'waiting',
  'hash',
  'calibrate',
  'weights',
  'check',
  'prepared',
  'reference',
  'compare',
] as const;

/** Something long that happens to one model. */
export const modelTaskSchema = z.object({
  id: z.string(),
  kind: z.enum(modelTaskKinds),
  /** What it is about, such as a repository and a format. */
  title: z.string(),
  state: z.enum(modelTaskStates),
  phase: z.enum(modelTaskPhases),
  /** Bytes, or layers of a verification. */
  done: count,
  total: count,
  unit: z.enum(['bytes', 'layers']),
  /** null when too little has happened. */
  secondsLeft: count.nullable(),
  problem: problemSchema.nullable(),
  /** Whether it may be paused, and taken up again later, also after a restart. */
  resumable: z.boolean(),
  /** The model it made or judged. */
  modelId: idSchema.nullable(),
  startedAt: instantSchema,
});

export const prepareChoicesSchema = z.strictObject({
  format: z.enum(weightFormats),
  blockSize: z.literal([...blockSizes]).default(32),
  symmetric: z.boolean().default(false),
  /** Of int4 only: whether the sample photographs are looked at first. */
  calibrated: z.boolean().default(true),
  keep: z
    .strictObject({
      unembedding: z.enum(weightFormats).optional(),
      vision: z.enum(weightFormats).optional(),
    })
    .default({}),
});

/** A token is written, never read: nobody can get it out of the software again. */
export const hubAccountSchema = z.object({
  endpoint: z.string(),
  /** Whether a token would be sent to this endpoint, and where it comes from. */
  token: z.enum(['none', 'kept', 'environment']),
  offline: z.boolean(),
});

export type ModelOrigin = z.infer<typeof modelOriginSchema>;
export type Room = z.infer<typeof roomSchema>;
export type ModelOffer = z.infer<typeof modelOfferSchema>;
export type CachedModel = z.infer<typeof cachedModelSchema>;
export type ModelTask = z.infer<typeof modelTaskSchema>;
export type ModelTaskPhase = (typeof modelTaskPhases)[number];
export type PrepareChoices = z.infer<typeof prepareChoicesSchema>;
export type HubAccount = z.infer<typeof hubAccountSchema>;
