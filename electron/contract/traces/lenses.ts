import { z } from 'zod';
import { fittedLensSchema } from '../../engine/lens-trace/lenses/fitted-lens.ts';
import { traceRequestSchema } from '../../engine/lens-trace/trace-request.ts';
import { call } from '../call.ts';
import { exportResultSchema, exportTargetSchema } from '../exports.ts';
import { byId, changed, count, idSchema, sha256Schema, taskIdSchema } from '../ids.ts';
import { imageChoiceSchema } from '../image-query.ts';

export const lensSources = ['fitted', 'imported'] as const;

const lensNameSchema = z.string().trim().min(1).max(200);

/** A fitted lens with everything that is known of it but its numbers. */
export const lensSummarySchema = fittedLensSchema.and(
  z.object({
    id: idSchema,
    /** In this library; a file keeps the name that it was given when it was fitted. */
    name: z.string(),
    source: z.enum(lensSources),
    /** Of its file; a trace is ordered with its kind, a colon and this. */
    sha256: sha256Schema,
    bytes: count,
    /** The only model that it reads, in this library; null when it is not here. */
    modelId: idSchema.nullable(),
  }),
);

export const lensOrderSchema = z.strictObject({
  name: lensNameSchema,
  modelId: idSchema,
  images: imageChoiceSchema,
  prompt: traceRequestSchema.shape.prompt,
  maxPixels: traceRequestSchema.shape.maxPixels,
  /** Share of the patients whose images are not fitted on, but measured on. */
  heldOut: z
    .number()
    .min(0.05)
    .max(0.9)
    .default(1 / 3),
  /** Decides which patients these are. */
  seed: z.int().nonnegative().default(1),
  /** Pull towards the logit lens, as a share of the inputs' mean square. */
  ridge: z.number().min(0).max(1000).default(1e-3),
});

export type LensSummary = z.infer<typeof lensSummarySchema>;
export type LensOrder = z.output<typeof lensOrderSchema>;

/** Lenses that are fitted to a model, on one's own images and prompt. */
export const lenses = {
  /** Newest first. */
  list: call.output(z.array(lensSummarySchema)),
  /** Queues a task of the kind `lens-fit`; the lens is in `list` when it is done. */
  fit: call.input(lensOrderSchema).output(z.object({ taskId: taskIdSchema })),
  /** The lens as a file of its own: safetensors with everything else in its metadata. */
  export: call
    .input(byId.extend({ target: exportTargetSchema.default({ to: 'answer' }) }))
    .output(exportResultSchema),
  /**
   * Takes a lens's file in: one of ours, or a Jacobian lens of the public format, which names no model and becomes one of ours. The
   * same file again changes nothing.
   */
  import: call
    .input(
      z.strictObject({
        file: z.file(),
        name: lensNameSchema.optional(),
        /** What it was fitted to; only files that do not say so themselves are read with it. */
        modelId: idSchema.optional(),
      }),
    )
    .output(lensSummarySchema),
  rename: call.input(byId.extend({ name: lensNameSchema })).output(lensSummarySchema),
  /** Traces that were read through it stay, and can no longer be repeated. */
  remove: call.input(byId).output(changed),
};
