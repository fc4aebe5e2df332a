import { z } from 'zod';
import { conceptSetSchema } from '../engine/lens-trace/concept-set.ts';
import {
  conceptTokenSchema,
  gateSchema,
  lensKinds,
  providerNames,
  lensTraceJsonSchema,
  emergenceSchema,
} from '../engine/lens-trace/lens-trace.ts';
import { idSchema, instantSchema, sha256Schema } from './library-model.ts';
import { fidelityReportSchema } from '../engine/lens-trace/fidelity-report.ts';
import { imageFilterSchema } from './library-query.ts';
import { preparedSummarySchema } from './prepared-summary.ts';
import { sizeEstimateSchema } from './size-estimate.ts';

const count = z.int().nonnegative();

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

/** A concept set as lists show it; `builtIn` ones come with the software. */
export const storedConceptSetSchema = z.object({ builtIn: z.boolean(), set: conceptSetSchema });

export const resolvedConceptSchema = z.object({
  id: z.string(),
  label: z.object({ en: z.string(), ru: z.string() }),
  role: z.enum(['target', 'control']),
  tokens: z.array(conceptTokenSchema),
});

export const promptSchema = z.object({
  /** The preset's name, or the number of an own prompt as text. */
  id: z.string(),
  builtIn: z.boolean(),
  title: z.object({ en: z.string(), ru: z.string() }),
  /** Presets exist in both languages; an own prompt has the same text in both. */
  text: z.object({ en: z.string(), ru: z.string() }),
});

const laterConcept = z.object({
  conceptId: z.string(),
  role: z.enum(['target', 'control']),
  /** At the last traced position; null for "never". */
  emergenceLayer: z.int().positive().nullable(),
  /** Earliest of all traced positions. */
  earliestLayer: z.int().positive().nullable(),
  finalRank: count,
  finalLogProb: z.number(),
  /** Whether control images took part in the judgement. */
  controlled: z.boolean(),
});

/** A trace as lists show it: its provenance without its numbers. */
export const traceSummarySchema = z.object({
  id: idSchema,
  imageId: idSchema.nullable(),
  modelId: idSchema,
  modelName: z.string(),
  modelSha256: sha256Schema,
  imageSha256: sha256Schema.nullable(),
  promptText: z.string(),
  conceptSetId: z.string().nullable(),
  lens: z.enum(lensKinds),
  weightDtype: z.string(),
  provider: z.enum(providerNames),
  softwareVersion: z.string(),
  /** N = L + 1, with the input to block 0. */
  numLayers: count,
  numPositions: count,
  topK: count,
  gateMaxAbsDiff: z.number(),
  generatedText: z.string(),
  note: z.string(),
  createdAt: instantSchema,
});

/** Everything of a trace but its arrays and the texts of its tokens, which `traces.cells` gives. */
export const traceHeaderSchema = lensTraceJsonSchema.omit({ cells: true, concepts: true }).extend({
  topK: z.int().positive(),
  concepts: z.array(resolvedConceptSchema.extend({ emergence: emergenceSchema })),
});

export const traceDetailSchema = z.object({
  summary: traceSummarySchema,
  header: traceHeaderSchema,
  concepts: z.array(laterConcept),
});

export const traceFilterSchema = z.strictObject({
  imageId: idSchema.optional(),
  modelId: idSchema.optional(),
  groupId: idSchema.optional(),
  limit: z.int().min(1).max(1000).default(100),
  /** Only traces made before this one. */
  beforeId: idSchema.optional(),
});

export const positionSelectionSchema = z.union([
  z.enum(['last', 'image', 'all']),
  z.array(count).min(1).max(20_000),
]);

/** Which images an action is for. */
export const imageChoiceSchema = z.union([
  z.strictObject({ ids: z.array(idSchema).min(1).max(100_000) }),
  z.strictObject({ filter: imageFilterSchema }),
]);

/** One image token. */
const maxPixelsLeast = 28 * 28;

/** Images × prompts, traced in the same way. */
export const traceOrderSchema = z.strictObject({
  /** null traces the prompts without any image, which is one of the controls. */
  images: imageChoiceSchema.nullable(),
  modelId: idSchema,
  prompts: z.array(z.string().min(1).max(20_000)).min(1).max(50),
  conceptSetId: z.string(),
  lens: z.enum(lensKinds).default('logit'),
  positions: positionSelectionSchema.default('last'),
  /** Largest area at which the model sees an image, pixels; null leaves the model's own limit. */
  maxPixels: z.int().min(maxPixelsLeast).max(100_000_000).nullable().default(null),
  topK: z.int().min(1).max(200).default(10),
  /** Tokens to generate greedily after the prompt; 0 for none. */
  generate: z.int().min(0).max(512).default(16),
  /** Whether the generated positions are traced too. */
  traceGenerated: z.boolean().default(false),
  /** Whether emergence is compared with the control images and the prompt without any. */
  controls: z.boolean().default(true),
  /** The setting decides when left out. */
  provider: z.enum([...providerNames, 'auto']).optional(),
  /** Larger runs first. */
  priority: z.int().min(-10).max(10).default(0),
});

export const enqueueResultSchema = z.object({
  added: z.array(idSchema),
  /** Queued, running or done already; a done one is not run again. */
  existing: z.array(idSchema),
  /** Failed or cancelled ones that wait for another try now. */
  requeued: z.array(idSchema),
  /** Traces that the existing jobs have made. */
  traceIds: z.array(idSchema),
});

export type Model = z.infer<typeof modelSchema>;
export type StoredPromptView = z.infer<typeof promptSchema>;
export type TraceSummaryView = z.infer<typeof traceSummarySchema>;
export type TraceHeader = z.infer<typeof traceHeaderSchema>;
export type TraceDetail = z.infer<typeof traceDetailSchema>;
export type TraceOrder = z.infer<typeof traceOrderSchema>;
export type ImageChoice = z.infer<typeof imageChoiceSchema>;
export type EnqueueOutcome = z.infer<typeof enqueueResultSchema>;
export type ResolvedConceptView = z.infer<typeof resolvedConceptSchema>;
