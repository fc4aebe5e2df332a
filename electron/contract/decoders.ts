import { z } from 'zod';
import { protocolFileSchema } from '../protocol/protocol.ts';
import { protocolLanguages } from '../protocol/schema-format.ts';
import { call } from './call.ts';
import { exportResultSchema, exportTargetSchema } from './exports.ts';
import { byId, changed, count, idSchema, instantSchema, sha256Schema, taskIdSchema } from './ids.ts';
import { imageChoiceSchema } from './image-query.ts';
import { problemSchema } from './problem.ts';

/** `shipped` comes with the software and is in every library; it cannot be removed. */
export const decoderSources = ['shipped', 'fitted', 'imported'] as const;

export const decoderFieldKinds = ['binary', 'ordinal', 'categorical', 'number'] as const;

/** A measure with its 95 % interval by bootstrap over patients; null where the images do not determine it. */
export const estimateSchema = z.object({
  value: z.number().nullable(),
  low: z.number().nullable(),
  high: z.number().nullable(),
});

/** Images and patients with a value; one row named "" for a number. */
export const valueCountSchema = z.object({ value: z.string(), images: count, patients: count });

/** What `score` everywhere is: AUROC, its mean over thresholds or classes, or R². */
export const decoderMeasures = ['auroc', 'mean-auroc', 'r2'] as const;

/** A field that was asked for and could not be learnt; it is never assessed. */
export const refusedFieldSchema = z.object({ field: z.string(), problem: problemSchema });

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

const curvePointSchema = z.object({
  layer: count,
  score: estimateSchema,
  shuffled: estimateSchema,
  /** Score minus shuffled score. */
  selectivity: z.number().nullable(),
});

/**
 * One feature set over its layers. Sets with the role `layers` are `image-mean` and `last-position`; baselines have one
 * point each: `vision-output`, `pixels`, `metadata`.
 */
export const layerCurveSchema = z.object({
  set: z.string(),
  role: z.enum(['layers', 'baseline']),
  points: z.array(curvePointSchema),
});

const fittedFieldSchema = z.object({
  status: z.literal('fitted'),
  field: z.string(),
  kind: z.enum(decoderFieldKinds),
  /** Names of the values of each class; rare neighbours of an ordinal field are one class. */
  classes: z.array(z.array(z.string())),
  counts: z.array(valueCountSchema),
  images: count,
  patients: count,
  /** Share of images in the commonest class, which always saying it would get right; null for a number. */
  prevalence: z.number().nullable(),
  measure: z.enum(decoderMeasures),
  /** The decoder's own choice, scored with layer and penalty chosen by other patients. */
  chosen: z.object({
    set: z.string(),
    layer: count,
    score: estimateSchema,
    shuffled: estimateSchema,
    selectivity: z.number().nullable(),
    /** Other measures by name: auprc, macroF1, kappa, mae, ece, … */
    measures: z.record(z.string(), estimateSchema),
  }),
  curves: z.array(layerCurveSchema),
  /** A whole camera or data set left out; empty where there was one only. */
  sourcesLeftOut: z.array(
    z.object({
      source: z.string(),
      images: count,
      patients: count,
      /** Why nothing can be said of it. */
      refused: z.enum(['one-class', 'too-few-patients']).nullable(),
      scores: z.array(
        z.object({
          set: z.string(),
          role: z.enum(['decoder', 'layers', 'baseline']),
          layer: count,
          score: estimateSchema,
        }),
      ),
    }),
  ),
});

export const decoderReportSchema = z.object({
  images: count,
  patients: count,
  fields: z.array(
    z.discriminatedUnion('status', [
      fittedFieldSchema,
      refusedFieldSchema.extend({ status: z.literal('refused'), kind: z.enum(decoderFieldKinds) }),
    ]),
  ),
});

/** Yes/no questions by which a model says what it sees, beside what can be read inside it. */
export const saidVerdicts = [
  'encoded-and-said',
  'encoded-not-said',
  'said-not-encoded',
  'neither',
  'not-measured',
] as const;

export const saidRowSchema = z.object({
  /** Of resources/protocols/questions.json. */
  question: z.string(),
  /** The positive question, in both languages. */
  text: z.object({ en: z.string(), ru: z.string() }),
  images: count,
  positives: count,
  prevalence: z.number().nullable(),
  /** AUROC of the probe by layer (`image-mean`), each with left-out patients; 0 is the vision tower's output. */
  probe: z.array(z.object({ layer: count, score: estimateSchema, shuffled: estimateSchema })),
  pixels: estimateSchema.nullable(),
  /** The decoder's own choice, scored with layer and penalty chosen by other patients; null without such a field. */
  chosen: z
    .object({ set: z.string(), layer: count, score: estimateSchema, shuffled: estimateSchema })
    .nullable(),
  /** AUROC of the answer margin yes − no by layer, averaged over polarities; both languages. */
  answers: z.array(
    z.object({
      language: z.enum(protocolLanguages),
      points: z.array(z.object({ layer: count, score: estimateSchema })),
      /** Share of images for which the last layer's margin has the right sign, both polarities. */
      right: z.number().nullable(),
    }),
  ),
  verdict: z.enum(saidVerdicts),
});

export const saidTableSchema = z.object({
  images: count,
  /** Images of the choice without answers yet, or without features. */
  missing: count,
  rows: z.array(saidRowSchema),
});

/** `unclear`: the languages contradict each other. */
export const saidAnswers = ['yes', 'no', 'unclear'] as const;

/** What the model answers about one image to one question. */
export const imageAnswerSchema = z.object({
  question: z.string(),
  text: z.object({ en: z.string(), ru: z.string() }),
  /** The field of the protocol, or the `derived.` one, that says the same. */
  field: z.string(),
  /** Values of that field which mean yes, and which mean no; for most questions there is one of no. */
  yes: z.array(z.string()),
  no: z.array(z.string()),
  says: z.enum(saidAnswers),
  /** Margin of "it is there" over "it is not" by layer, nats; the last one is the answer. */
  margins: z.array(z.object({ language: z.enum(protocolLanguages), points: z.array(z.number()) })),
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

/** `assessed`; `abstained`: more than one value is possible; `not-learnt`: there were too few examples. */
export const decodedStatuses = ['assessed', 'abstained', 'not-learnt'] as const;

export const decodedFieldSchema = z.object({
  field: z.string(),
  kind: z.enum(decoderFieldKinds),
  status: z.enum(decodedStatuses),
  /** null unless assessed. */
  value: z.union([z.string(), z.number()]).nullable(),
  /** Calibrated probability of the likeliest class, 0–1; null for a number. */
  certainty: z.number().nullable(),
  probabilities: z.array(z.object({ values: z.array(z.string()), probability: z.number() })),
  /** Values that cannot be excluded, at nine of ten; one when assessed. */
  possible: z.array(z.string()),
  /** Bounds of a number, nine of ten times; null where there is none. */
  low: z.number().nullable(),
  high: z.number().nullable(),
  /** Where it was read; null when not learnt. */
  set: z.string().nullable(),
  layer: count.nullable(),
});

/** What a decoder reads from one layer, or from the layers that it chose for each field. */
export const decodedLayerSchema = z.object({
  /** null: the decoder's own choice, field by field. */
  layer: count.nullable(),
  fields: z.array(decodedFieldSchema),
  /** The assessed fields, each with `source: 'decoder'` and its certainty; whatever is missing was not assessed. */
  protocol: protocolFileSchema,
  text: z.object({ en: z.string(), ru: z.string() }),
});

export const decodedImageSchema = z.object({
  decoderId: idSchema,
  imageId: idSchema,
  /** The decoder's own choice. */
  chosen: decodedLayerSchema,
  /** The same from every layer, ascending; 0 is the output of the vision tower. */
  layers: z.array(decodedLayerSchema),
  /** Whether the image, or another one of its patient, was among those that the decoder was fitted on. */
  inTraining: z.boolean(),
});

export const decodedRowSchema = z.object({
  imageId: idSchema,
  fileName: z.string(),
  patientCode: z.string().nullable(),
  inTraining: z.boolean(),
  fields: z.array(decodedFieldSchema),
});

export const decodedTableSchema = z.object({
  layer: count.nullable(),
  rows: z.array(decodedRowSchema),
  /** Images without features: `tap` them first. */
  missing: z.array(idSchema),
});

export const decoderTableFormats = ['csv', 'json'] as const;

export type DecoderSummary = z.infer<typeof decoderSummarySchema>;
export type DecoderReport = z.infer<typeof decoderReportSchema>;
export type DecodedField = z.infer<typeof decodedFieldSchema>;
export type DecodedLayer = z.infer<typeof decodedLayerSchema>;
export type DecodedImage = z.infer<typeof decodedImageSchema>;
export type DecodedTable = z.infer<typeof decodedTableSchema>;
export type FitOrder = z.output<typeof fitOrderSchema>;
export type FitPreview = z.infer<typeof fitPreviewSchema>;
export type TapOrder = z.output<typeof tapOrderSchema>;
export type TapOutcome = z.infer<typeof tapOutcomeSchema>;
export type SaidTable = z.infer<typeof saidTableSchema>;
export type SaidRow = z.infer<typeof saidRowSchema>;
export type ImageAnswer = z.infer<typeof imageAnswerSchema>;

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
