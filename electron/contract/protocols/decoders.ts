import { z } from 'zod';
import { call } from '../call.ts';
import { decodedImageSchema, decodedTableSchema } from './decoded.ts';
import {
  decoderFieldKinds,
  decoderMeasures,
  decoderReportSchema,
  estimateSchema,
  refusedFieldSchema,
  valueCountSchema,
} from './decoder-report.ts';
import { exportResultSchema, exportTargetSchema } from '../exports.ts';
import { byId, changed, count, idSchema, instantSchema, sha256Schema, taskIdSchema } from '../ids.ts';
import { imageChoiceSchema } from '../image-query.ts';
import { problemSchema } from '../problem.ts';
import { imageAnswerSchema, saidTableSchema } from './said.ts';

/** `shipped` comes with the software and is in every library; it cannot be removed. */
export const decoderSources = ['shipped', 'fitted', 'imported'] as const;

/**
 * A field's id is that of the protocol; ids that begin with `derived.` are questions that the protocol does not ask, such
 * as `derived.referable` (retinopathy of grade 2 and more): they have scores, and no place in the text.
 */
export const decoderFieldSchema = z.object({
  field: z.string(),
  kind: z.enum(decoderFieldKinds),
  /** Where the decoder itself chose to read. */
  set: z.string(),
  layer: count,
  measure: z.enum(decoderMeasures),
  /** On patients who had no part in model, penalty or layer. */
  score: estimateSchema,
  /** The same with labels shuffled between patients. */
  shuffled: estimateSchema,
  counts: z.array(valueCountSchema),
});

export const decoderSummarySchema = z.object({
  id: idSchema,
  name: z.string(),
  source: z.enum(decoderSources),
  /** The only model that it reads. */
  modelSha256: sha256Schema,
  modelName: z.string(),
  /** That model in this library; null when it is not here, and nothing can be decoded. */
  modelId: idSchema.nullable(),
  prompt: z.string(),
  /** Largest area at which the vision tower sees an image; null is the model's own limit. */
  maxPixels: count.nullable(),
  /** What it can read from, ascending; 0 is the output of the vision tower. */
  layers: z.array(count),
  images: count,
  patients: count,
  fields: z.array(decoderFieldSchema),
  refused: z.array(refusedFieldSchema),
  /** In the author's words: what it was fitted on, and what it is not for. */
  note: z.object({ en: z.string(), ru: z.string() }),
  softwareVersion: z.string(),
  createdAt: instantSchema,
});

/** How features are read out of a model. */
const tapShape = z.strictObject({
  modelId: idSchema,
  /** The default prompt of every decoder when left out. */
  prompt: z.string().min(1).optional(),
  maxPixels: z.int().positive().nullable().default(null),
});

export const tapOrderSchema = tapShape.extend({
  images: imageChoiceSchema,
  priority: z.int().min(-10).max(10).default(0),
});

export const tapOutcomeSchema = z.object({
  /** Tasks that were made or begun anew, and such as exist already. */
  tasks: z.array(taskIdSchema),
  /** Images whose features are here already. */
  ready: count,
});

export const fitOrderSchema = tapShape.extend({
  name: z.string().trim().min(1).max(200),
  images: imageChoiceSchema,
  /** Fields of the protocol, and `derived.` ones; every field with labels when left out. */
  fields: z.array(z.string()).min(1).optional(),
  /** Whose protocols are labels; those of every observer when left out, the newest where several differ. */
  observer: z.string().optional(),
  /** Whether findings and laterality of images without protocol are labels; true. */
  findings: z.boolean().default(true),
  /** Patients that each value needs. */
  minPatients: z.int().min(2).max(1000).default(20),
  seed: z.int().nonnegative().default(1),
  note: z.string().max(20_000).default(''),
});

/** Fields that could be learnt from a choice of images, before anything is computed. */
export const fitPreviewSchema = z.object({
  images: count,
  patients: count,
  /** Images without features of this model and prompt; the fit reads them first. */
  untapped: count,
  fields: z.array(
    z.object({
      field: z.string(),
      kind: z.enum(decoderFieldKinds),
      counts: z.array(valueCountSchema),
      /** Why it could not be learnt; null when it can. */
      problem: problemSchema.nullable(),
    }),
  ),
});

export const decoderTableFormats = ['csv', 'json'] as const;

export type DecoderSummary = z.infer<typeof decoderSummarySchema>;
export type FitOrder = z.output<typeof fitOrderSchema>;
export type FitPreview = z.infer<typeof fitPreviewSchema>;
export type TapOrder = z.output<typeof tapOrderSchema>;
export type TapOutcome = z.infer<typeof tapOutcomeSchema>;

const ofImages = z.strictObject({ decoderId: idSchema, images: imageChoiceSchema });
const layerChoice = {
  /** One of the decoder's layers; null is its own choice. */
  layer: count.nullable().default(null),
};

/** Decoders: protocols read from inside a model. What can be read is encoded; nothing says that the model uses it. */
export const decoders = {
  /** Shipped ones first, then newest first. */
  list: call.output(z.array(decoderSummarySchema)),
  get: call.input(byId).output(decoderSummarySchema),
  /** Scores of every field by layer, beside baselines. */
  report: call.input(byId).output(decoderReportSchema),
  /** Queues a task of the kind `tap` for every image without features. */
  tap: call.input(tapOrderSchema).output(tapOutcomeSchema),
  /** What a fit would find, without computing anything. */
  preview: call.input(fitOrderSchema.omit({ name: true, note: true, seed: true })).output(fitPreviewSchema),
  /** Queues what is missing of the features, then a task of the kind `decoder-fit`; the decoder is in `list` when it is done. */
  fit: call.input(fitOrderSchema).output(z.object({ taskId: taskIdSchema, taps: z.array(taskIdSchema) })),
  /** Reads one image at all layers at once; features that are missing are read first, which may take as long as a trace. */
  apply: call.input(z.strictObject({ decoderId: idSchema, imageId: idSchema })).output(decodedImageSchema),
  /** Reads many images whose features are here. */
  applyMany: call.input(ofImages.extend(layerChoice)).output(decodedTableSchema),
  /** The same as a file: a row an image, for each field its value, certainty and status. */
  exportTable: call
    .input(
      ofImages.extend({
        ...layerChoice,
        format: z.enum(decoderTableFormats),
        target: exportTargetSchema.default({ to: 'answer' }),
      }),
    )
    .output(exportResultSchema),
  /** The decoder as a file of its own: safetensors with everything else in its metadata. */
  export: call
    .input(byId.extend({ target: exportTargetSchema.default({ to: 'answer' }) }))
    .output(exportResultSchema),
  /** Takes a decoder's file in; the same file again changes nothing. */
  import: call
    .input(z.strictObject({ file: z.file(), name: z.string().trim().max(200).optional() }))
    .output(decoderSummarySchema),
  rename: call.input(byId.extend({ name: z.string().trim().min(1).max(200) })).output(decoderSummarySchema),
  /** Shipped decoders stay. */
  remove: call.input(byId).output(changed),
  /**
   * Asks the model the protocol's yes/no questions about images: a task of the kind `tap` for every image that was not
   * asked yet, in both languages and both polarities.
   */
  ask: call
    .input(
      ofImages.extend({
        /** All questions when left out. */
        questions: z.array(z.string()).min(1).optional(),
      }),
    )
    .output(tapOutcomeSchema),
  /** What the decoder's model answers about one image; questions that were not asked are missing. */
  answers: call
    .input(z.strictObject({ decoderId: idSchema, imageId: idSchema }))
    .output(z.array(imageAnswerSchema)),
  /** What is encoded beside what is said, question by question; those that nobody asked yet are `not-measured`. */
  said: call.input(ofImages).output(saidTableSchema),
};
