import { z } from 'zod';
import { fidelityReportSchema } from '../../engine/lens-trace/fidelity-report.ts';
import { gateSchema, providerNames } from '../../engine/lens-trace/lens-trace.ts';
import { call } from '../call.ts';
import { byId, changed, count, idSchema, instantSchema, sha256Schema, taskIdSchema } from '../ids.ts';
import { blockSizes, weightFormats } from './prepared-model.ts';
import { sizeEstimateSchema } from './size-estimate.ts';

/** What the last load of a model showed. */
export const loadedGateSchema = gateSchema.extend({
  at: instantSchema,
  provider: z.enum(providerNames),
  /** Name of the device; null where none was told. */
  device: z.string().nullable().default(null),
  /** Of the device in all, and what the engine held of it; null where nobody tells. */
  deviceMemoryBytes: count.nullable().default(null),
  deviceMemoryUsedBytes: count.nullable().default(null),
  /** Why the first choice of provider was not used; null when it was. */
  providerFallback: z.string().nullable().default(null),
});

/** `prepared.json` as lists show it. */
export const preparedSummarySchema = z.object({
  format: z.enum(weightFormats),
  blockSize: count,
  symmetric: z.boolean(),
  keep: z.object({ unembedding: z.enum(weightFormats), vision: z.enum(weightFormats) }),
  /** Images that the weights were calibrated on. */
  calibrationImages: count,
  sourceName: z.string(),
  sourceSha256: sha256Schema,
});

export type PreparedSummary = z.infer<typeof preparedSummarySchema>;

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

/** A checkpoint known to the library; the same weights in another folder are the same model. */
export const modelSchema = z.object({
  id: idSchema,
  sha256: sha256Schema,
  name: z.string(),
  family: z.string(),
  /** Where it lies; null for a model known from its traces only. */
  folder: z.string().nullable(),
  /** Whether the folder can be read now. */
  available: z.boolean(),
  /** Comes with the software and cannot be removed. */
  builtIn: z.boolean(),
  /** Lies in our own folder of models; removing it deletes its files. */
  managed: z.boolean(),
  /** Of most weights, such as bf16 or int4. */
  weightFormat: z.string().nullable(),
  /** How it was prepared and from what; null of a checkpoint as it was published. */
  prepared: preparedSummarySchema.nullable(),
  /** How true the numbers of prepared weights are; null before that was measured. */
  fidelity: fidelityReportSchema.nullable(),
  /** What it would need in each format; empty of a prepared one. */
  estimates: z.array(sizeEstimateSchema),
  numLayers: count,
  dModel: count,
  vocabSize: count,
  tokenizerSize: count,
  diskBytes: count.nullable(),
  /** Estimated peak memory of one trace. */
  memoryBytes: count.nullable(),
  /** The same of a GPU's memory; null when it was added by an earlier version. */
  deviceBytes: count.nullable(),
  /** Of the parity gate at its last load here; null before the first. */
  gate: loadedGateSchema.nullable(),
  /** Images with a trace by it. */
  tracedImageCount: count,
  addedAt: instantSchema,
  lastUsedAt: instantSchema.nullable(),
});

export const checkpointReportSchema = z.object({
  id: z.string(),
  family: z.string(),
  sha256: sha256Schema,
  numLayers: count,
  dModel: count,
  vocabSize: count,
  tokenizerSize: count,
  tiedUnembedding: z.boolean(),
  parametersByDtype: z.record(z.string(), count),
  diskBytes: count,
  memoryBytes: count,
  /** Empty in reports of earlier versions. */
  estimates: z.array(sizeEstimateSchema).default([]),
  files: z.array(z.object({ name: z.string(), bytes: count, sha256: sha256Schema })),
});

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

export type Model = z.infer<typeof modelSchema>;

export type ModelOrigin = z.infer<typeof modelOriginSchema>;

export type Room = z.infer<typeof roomSchema>;

export type ModelOffer = z.infer<typeof modelOfferSchema>;

export type CachedModel = z.infer<typeof cachedModelSchema>;

export type PrepareChoices = z.infer<typeof prepareChoicesSchema>;

export type HubAccount = z.infer<typeof hubAccountSchema>;

const sourceOfHub = z.strictObject({
  from: z.literal('hub'),
  repository: repositorySchema,
  revision: revisionSchema.default('main'),
});

const sourceOfFolder = z.strictObject({ from: z.enum(['folder', 'cache']), folder: z.string().min(1) });

const modelSourceSchema = z.union([sourceOfHub, sourceOfFolder]);

const begun = z.object({ taskId: taskIdSchema });

export const models = {
  list: call.output(z.array(modelSchema)),
  /** Reads a checkpoint folder's headers and hashes without keeping it. */
  inspect: call.input(z.strictObject({ folder: z.string().min(1) })).output(checkpointReportSchema),
  /** Disk and memory there are now. */
  room: call.output(roomSchema),
  /** What is in the cache of Python's huggingface_hub on this computer. */
  cache: call.output(z.object({ folder: z.string(), models: z.array(cachedModelSchema) })),
  /** What a model is, needs and would need in each format; of its weights only the headers are read. */
  offer: call.input(modelSourceSchema).output(modelOfferSchema),
  /** Uses a checkpoint folder where it lies. */
  addFolder: call.input(z.strictObject({ folder: z.string().min(1) })).output(modelSchema),
  /** Uses a revision of the cache where it lies; its hashes must be those of its names. */
  addCached: call.input(z.strictObject({ folder: z.string().min(1) })).output(modelSchema),
  /** Begins to download or copy a model into our own folder. It counts only when every hash is right. */
  fetch: call.input(modelSourceSchema).output(begun),
  /** Begins to write the weights in another format. */
  prepare: call.input(byId.extend(prepareChoicesSchema.shape)).output(begun),
  /** Begins to measure how true the numbers of prepared weights are. */
  verify: call
    .input(
      byId.extend({
        referenceId: idSchema.optional(),
        imageIds: z.array(idSchema).min(1).max(100).optional(),
        prompts: z.array(z.string().min(1).max(20_000)).min(1).max(20).optional(),
      }),
    )
    .output(begun),
  hub: {
    get: call.output(hubAccountSchema),
    /** null forgets the token. */
    setToken: call
      .input(z.strictObject({ token: z.string().trim().min(1).max(500).nullable() }))
      .output(hubAccountSchema),
  },
  /** Loads the model and compares its lens with its own logits. */
  checkGate: call.input(byId).output(gateSchema),
  /**
   * Deletes a model of our own folder, and forgets any other; traces stay. `model.in-use` while tasks need it,
   * unless `confirmed`, which cancels them.
   */
  remove: call.input(byId.extend({ confirmed: z.boolean().default(false) })).output(changed),
};
