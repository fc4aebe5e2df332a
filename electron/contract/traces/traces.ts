import { z } from 'zod';
import {
  emergenceSchema,
  findingSchema,
  lensKinds,
  lensTraceJsonSchema,
  providerNames,
} from '../../engine/lens-trace/lens-trace.ts';
import { traceRequestSchema } from '../../engine/lens-trace/trace-request.ts';
import { call } from '../call.ts';
import { resolvedConceptSchema } from './concepts.ts';
import { byId, byIds, changed, count, idSchema, instantSchema, sha256Schema, taskIdSchema } from '../ids.ts';
import { imageChoiceSchema } from '../image-query.ts';
import { lateralities } from '../laterality.ts';

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

/** What a trace is recognised by: whose photograph it is. */
const tracedImageSchema = z.object({
  patientCode: z.string().nullable(),
  laterality: z.enum(lateralities),
  fileName: z.string(),
  visitDate: z.string().nullable(),
  visitLabel: z.string().nullable(),
});

/** What became of the concept that a study's first question is about; `none` where nothing was judged. */
export const traceVerdicts = ['readable', 'not-readable', 'not-asked', 'none'] as const;

/** A verdict in short, as lists show it. */
const shortVerdictSchema = z.object({
  state: z.enum(traceVerdicts),
  /** Id of the concept that it is about. */
  subjectId: z.string().nullable(),
  /** From which on the subject is readable where the answer begins. */
  layer: z.int().positive().nullable(),
  /** How many concepts are readable there. */
  readableCount: count,
});

/** A trace as lists show it: its provenance without its numbers. */
export const traceSummarySchema = z.object({
  id: idSchema,
  imageId: idSchema.nullable(),
  /** null without an image, and where the image is no longer in the library. */
  image: tracedImageSchema.nullable(),
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
  /** null when not worked out yet. */
  verdict: shortVerdictSchema.nullable(),
  createdAt: instantSchema,
});

/** Everything of a trace but its arrays and the texts of its tokens, which `traces.cells` gives. */
export const traceHeaderSchema = lensTraceJsonSchema.omit({ cells: true, concepts: true }).extend({
  topK: z.int().positive(),
  concepts: z.array(
    resolvedConceptSchema.extend({
      parent: z.string().optional(),
      finding: findingSchema.optional(),
      emergence: emergenceSchema,
    }),
  ),
});

export const traceDetailSchema = z.object({
  summary: traceSummarySchema,
  header: traceHeaderSchema,
  concepts: z.array(laterConcept),
});

/** `layer` begins with what is readable earliest. */
export const traceOrders = ['newest', 'oldest', 'patient', 'layer'] as const;

const traceChoice = {
  /** Every word occurs, as a prefix, in patient, file, tags, findings, notes, prompt, answer or model; a number is also an id. */
  text: z.string().max(1000).optional(),
  lateralities: z.array(z.enum(lateralities)).min(1).optional(),
  lenses: z.array(z.enum(lensKinds)).min(1).optional(),
  verdicts: z.array(z.enum(traceVerdicts)).min(1).optional(),
  patientId: idSchema.optional(),
  imageId: idSchema.optional(),
  modelId: idSchema.optional(),
  groupId: idSchema.optional(),
};

export const traceFilterSchema = z.strictObject({
  ...traceChoice,
  order: z.enum(traceOrders).default('newest'),
  limit: z.int().min(1).max(1000).default(100),
  /** Only traces made before this one. */
  beforeId: idSchema.optional(),
  /** As many are left out at the beginning of the order. */
  skip: count.default(0),
});

/** Images × prompts, traced in the same way. */
export const traceOrderSchema = traceRequestSchema.omit({ prompt: true, provider: true }).extend({
  /** null traces the prompts without any image, which is one of the controls. */
  images: imageChoiceSchema.nullable(),
  modelId: idSchema,
  prompts: z.array(traceRequestSchema.shape.prompt).min(1).max(50),
  conceptSetId: z.string(),
  /** The setting decides when left out. */
  provider: traceRequestSchema.shape.provider.unwrap().optional(),
  /** Larger runs first. */
  priority: z.int().min(-10).max(10).default(0),
});

export const enqueueResultSchema = z.object({
  added: z.array(taskIdSchema),
  /** Queued, running or done already; a done one is not run again. */
  existing: z.array(taskIdSchema),
  /** Failed or cancelled ones that wait for another try now. */
  requeued: z.array(taskIdSchema),
  /** Traces that the existing tasks have made. */
  traceIds: z.array(idSchema),
});

export type TraceVerdictState = (typeof traceVerdicts)[number];

export type TraceOrderKey = (typeof traceOrders)[number];

export type TraceSummaryView = z.infer<typeof traceSummarySchema>;

export type TraceHeader = z.infer<typeof traceHeaderSchema>;

export type TraceDetail = z.infer<typeof traceDetailSchema>;

export type TraceOrder = z.infer<typeof traceOrderSchema>;

export type EnqueueOutcome = z.infer<typeof enqueueResultSchema>;

export const traces = {
  /** Puts a task into the queue for every image and prompt. */
  enqueue: call.input(traceOrderSchema).output(enqueueResultSchema),
  /** In the order that is asked for. */
  list: call.input(traceFilterSchema).output(z.array(traceSummarySchema)),
  count: call.input(z.strictObject(traceChoice)).output(count),
  get: call.input(byId).output(traceDetailSchema),
  /** The whole trace with its arrays; read it with `unpackTrace` of trace-payload.ts. */
  cells: call.input(byId).output(z.instanceof(Blob)),
  note: call.input(byId.extend({ note: z.string().max(20_000) })).output(traceSummarySchema),
  remove: call.input(byIds).output(changed),
};
