import { z } from 'zod';
import { lensKinds, plainLenses } from '../engine/lens-trace/lens-trace.ts';
import { fittedLensKinds } from '../engine/lens-trace/lenses/fitted-lens.ts';
import { traceRequestSchema } from '../engine/lens-trace/trace-request.ts';
import { call } from './call.ts';
import { exportResultSchema, exportTargetSchema } from './exports.ts';
import { byId, changed, count, idSchema, instantSchema, sha256Schema } from './ids.ts';
import { imageChoiceSchema } from './image-query.ts';
import { lateralities } from './laterality.ts';
import { problemSchema } from './problem.ts';

/** Which photographs an experiment is about. */
export const experimentPhotographsSchema = z.union([
  /** A group of the library, by name. */
  z.strictObject({ group: z.string().trim().min(1) }),
  /** Files, folders and data sets, relative to the file that names them. */
  z.strictObject({ paths: z.array(z.string().min(1)).min(1).max(10_000) }),
  /** Photographs of the library by content, as a file that was written after the plan was fixed names them. */
  z.strictObject({ sha256: z.array(sha256Schema).min(1).max(100_000) }),
]);

export const experimentModelSchema = z.union([
  z.literal('bundled'),
  /** Checkpoint folder, relative to the file that names it. */
  z.strictObject({ folder: z.string().min(1) }),
  z.strictObject({ sha256: sha256Schema, name: z.string().optional() }),
]);

/** What is expected, said before anything is computed. */
export const hypothesisSchema = z.strictObject({
  /** Id of a concept of the set. */
  concept: z.string(),
  /** `readable`: from some layer on, at `by` or before where that is given; `never`: at no layer. */
  expect: z.enum(['readable', 'never']).default('readable'),
  by: z.int().positive().nullable().default(null),
  /** In more than this share of patients. */
  share: z.number().gt(0).lt(1).default(0.5),
});

export const experimentFormat = 'fundus-lens.experiment/1';

/** An experiment as a file that is read, shared and run again. */
export const experimentFileSchema = z.strictObject({
  schema: z.literal(experimentFormat),
  title: z.string().trim().min(1).max(200),
  question: z.string().max(2000).default(''),
  photographs: experimentPhotographsSchema,
  models: z.array(experimentModelSchema).min(1).max(20).default(['bundled']),
  prompts: z.array(traceRequestSchema.shape.prompt).min(1).max(50),
  /** A fitted lens by its kind, a colon and its name in the library, or the SHA-256 of its file. */
  lenses: z
    .array(
      z.union([
        z.enum(plainLenses),
        z.templateLiteral([z.enum(fittedLensKinds), ':', z.string().min(1).max(200)]),
      ]),
    )
    .min(1)
    .default(['logit']),
  positions: traceRequestSchema.shape.positions,
  maxPixels: traceRequestSchema.shape.maxPixels,
  topK: traceRequestSchema.shape.topK,
  /** Whether readability is judged, against controls; without them hypotheses cannot be. The raw lens never has any. */
  controls: z.boolean().default(true),
  /** Id of a concept set. */
  concepts: z.string().default('fundus'),
  hypotheses: z.array(hypothesisSchema).max(100).default([]),
  statistics: z
    .strictObject({
      /** Family-wise error over all hypotheses and conditions. */
      level: z.number().gt(0).lt(0.5).default(0.05),
      /** Bootstrap samples. */
      samples: z.int().min(100).max(20_000).default(2000),
      seed: z.int().nonnegative().default(1),
    })
    .prefault({}),
  /** The plan as it was before the run; a file in which anything of it was changed since is refused. */
  fixed: z.strictObject({ sha256: sha256Schema, at: instantSchema }).optional(),
});

/** An experiment before its photographs are written into it: they come as a choice of the library. */
export const experimentDraftSchema = experimentFileSchema.partial({ photographs: true });

/** Photographs that the notebook had, which its experiment takes at most. */
export const mostNotebookPhotographs = 15;

export const experimentStates = ['new', 'running', 'paused', 'incomplete', 'done'] as const;

export const experimentProgressSchema = z.object({
  /** `incomplete`: some traces are missing and none of them waits. `paused`: one that runs is still finished. */
  state: z.enum(experimentStates),
  total: count,
  done: count,
  failed: count,
  /** Estimated from this experiment's own traces; null before there are any. */
  millisecondsLeft: count.nullable(),
  /** Why the first of the failed ones failed. */
  problem: problemSchema.nullable(),
});

export const experimentSummarySchema = z.object({
  id: idSchema,
  title: z.string(),
  question: z.string(),
  /** Of the plan: photographs, models, prompts, lenses, concepts, hypotheses and thresholds. */
  planSha256: sha256Schema,
  photographs: count,
  conditions: count,
  createdAt: instantSchema,
  progress: experimentProgressSchema,
});

const bothLanguages = z.object({ en: z.string(), ru: z.string() });
const curveSchema = z.object({
  mean: z.array(z.number()),
  lower: z.array(z.number()),
  upper: z.array(z.number()),
});

/** One concept under one condition. */
export const conceptResultSchema = z.object({
  id: z.string(),
  label: bothLanguages,
  role: z.enum(['target', 'control']),
  /** Photographs by what was found. */
  readable: count,
  never: count,
  notAsked: count,
  notIdentifiable: count,
  /** Of the photographs that were asked, with intervals over patients; null where none was. */
  emergence: z
    .object({
      patients: count,
      photographs: count,
      /** By layer: share that has emerged by then. */
      cumulative: z.array(z.number()),
      never: z.number(),
      neverInterval: z.tuple([z.number(), z.number()]),
      /** First layer by which half have; null for never. */
      layer: count.nullable(),
      interval: z.tuple([count.nullable(), count.nullable()]),
    })
    .nullable(),
  /** Log-odds of the concept's whole words, nats, and of the highest control beside them; only for concepts that are shown. */
  curves: z
    .object({
      patients: count,
      photographs: curveSchema,
      controls: z.array(z.number()).nullable(),
      /** Patients' log-odds less the highest control's: sign-flip test with max-T over layers. */
      correctedP: z.array(z.number()).nullable(),
      attainableP: z.number().nullable(),
    })
    .nullable(),
});

/** A model with a prompt and a lens. */
export const conditionResultSchema = z.object({
  modelId: idSchema,
  modelName: z.string(),
  modelSha256: sha256Schema,
  prompt: z.string(),
  lens: z.enum(lensKinds),
  /** Which, of a fitted one. */
  fittedLens: z.object({ name: z.string(), sha256: sha256Schema }).nullable(),
  layers: z.array(count),
  photographs: count,
  patients: count,
  /** Fewest controls that any photograph was compared with; null without. */
  controls: count.nullable(),
  /** Concepts that the prompt names itself. */
  leaks: z.array(z.string()),
  /** By layer, the tokens that lead in most photographs. */
  leading: z.array(
    z.object({
      layer: count,
      meanProbability: z.number(),
      tokens: z.array(z.object({ text: z.string(), photographs: count })),
    }),
  ),
  /** The i-th largest probability of each layer, labelled by the last layer's token; of the raw lens only. */
  ranks: z.array(
    z.object({
      rank: z.int().positive(),
      label: z.string(),
      labelled: count,
      probability: z.array(z.number()),
      /** By layer, photographs in which the token there is the one of the label. */
      ofLabel: z.array(count),
    }),
  ),
  concepts: z.array(conceptResultSchema),
});

export const hypothesisVerdicts = ['holds', 'fails', 'undecided', 'not-asked'] as const;

export const hypothesisResultSchema = hypothesisSchema.extend({
  label: bothLanguages,
  /** Index into `conditions`. */
  condition: count,
  verdict: z.enum(hypothesisVerdicts),
  /** A patient counts where it is so in at least half of the patient's photographs. */
  patients: count,
  counted: count,
  /** Clopper–Pearson, 95 %; null without patients. */
  interval: z.tuple([z.number(), z.number()]).nullable(),
  /** Exact binomial, one-sided: of at least so many, and of at most so many, were the share the threshold. */
  p: z.number().nullable(),
  pAgainst: z.number().nullable(),
  /** After Holm's correction over all hypotheses, conditions and both sides. */
  correctedP: z.number().nullable(),
  correctedPAgainst: z.number().nullable(),
});

export const experimentResultsSchema = z.object({
  experiment: experimentSummarySchema,
  /** In sentences, the most important first. */
  verdict: z.object({ en: z.array(z.string()), ru: z.array(z.string()) }),
  hypotheses: z.array(hypothesisResultSchema),
  conditions: z.array(conditionResultSchema),
  /** What the raw lens shows otherwise than the corrected one, and why; null without both. */
  difference: bothLanguages.nullable(),
  /** What is read inside a model beside what it answers, where a decoder and labels are. */
  said: z.array(
    z.object({
      decoderId: idSchema,
      decoder: z.string(),
      rows: z.array(
        z.object({
          question: bothLanguages,
          images: count,
          positives: count,
          verdict: z.string(),
          encoded: z.number().nullable(),
          said: z.number().nullable(),
        }),
      ),
    }),
  ),
  photographs: z.array(
    z.object({
      /** null when it is no longer in the library. */
      imageId: idSchema.nullable(),
      sha256: sha256Schema,
      fileName: z.string(),
      patientCode: z.string().nullable(),
      laterality: z.enum(lateralities),
      /** By condition: trace, what led at the last layer, and from where on the subject is readable. */
      cells: z.array(
        z.object({
          traceId: idSchema.nullable(),
          answer: z.string(),
          subject: z.union([z.int().positive(), z.enum(['never', 'not-asked'])]).nullable(),
          problem: problemSchema.nullable(),
        }),
      ),
    }),
  ),
  subject: bothLanguages.nullable(),
  /** Every n, test, interval and correction in words. */
  methods: z.object({ en: z.array(z.string()), ru: z.array(z.string()) }),
  provenance: z.object({
    planSha256: sha256Schema,
    fixedAt: instantSchema,
    software: z.string(),
    onnxruntime: z.string().nullable(),
    providers: z.array(z.string()),
    weightDtypes: z.array(z.string()),
    rule: z.string(),
    conceptSet: z.string(),
    conceptSetSha256: sha256Schema,
    seed: count,
    samples: count,
  }),
});

export const experimentFileFormats = ['html', 'pdf', 'zip', 'csv', 'parquet', 'json', 'yaml'] as const;

export type ExperimentFile = z.output<typeof experimentFileSchema>;
export type ExperimentFileInput = z.input<typeof experimentFileSchema>;
export type ExperimentDraft = z.input<typeof experimentDraftSchema>;
export type ExperimentSummary = z.infer<typeof experimentSummarySchema>;
export type ExperimentProgress = z.infer<typeof experimentProgressSchema>;
export type ExperimentResults = z.infer<typeof experimentResultsSchema>;
export type ConditionResult = z.infer<typeof conditionResultSchema>;
export type ConceptResult = z.infer<typeof conceptResultSchema>;
export type HypothesisResult = z.infer<typeof hypothesisResultSchema>;
export type ExperimentFileFormat = (typeof experimentFileFormats)[number];

/** A question about many photographs, whose hypotheses and thresholds are fixed before anything is computed. */
export const experiments = {
  /** Newest first. */
  list: call.output(z.array(experimentSummarySchema)),
  get: call
    .input(byId)
    .output(z.object({ summary: experimentSummarySchema, file: experimentFileSchema, yaml: z.string() })),
  /**
   * Fixes the plan; the same plan again is the same experiment. Photographs that a file names by paths are imported
   * before, and come as `images`.
   */
  create: call
    .input(z.strictObject({ file: experimentDraftSchema, images: imageChoiceSchema.optional() }))
    .output(experimentSummarySchema),
  /**
   * Fixes the plan of the notebook's experiment: at most 15 photographs, the raw lens as it was used there and the
   * corrected reading beside it.
   */
  notebook: call
    .input(
      z.strictObject({
        images: imageChoiceSchema,
        modelId: idSchema,
        /** Of title and question; the prompt is the notebook's own. */
        language: z.enum(['en', 'ru']).default('en'),
      }),
    )
    .output(experimentSummarySchema),
  /** Reads the text of a file. */
  read: call.input(z.strictObject({ text: z.string().max(1_000_000) })).output(experimentFileSchema),
  /** Queues what is missing, and what was paused or failed. */
  run: call
    .input(byId.extend({ provider: traceRequestSchema.shape.provider.unwrap().optional() }))
    .output(experimentSummarySchema),
  /** What waits stays; what runs now is finished. */
  pause: call.input(byId).output(experimentSummarySchema),
  /** Takes what is missing out of the queue, and ends what runs; traces that are there stay. */
  cancel: call.input(byId).output(experimentSummarySchema),
  /** Traces stay. */
  remove: call.input(byId).output(changed),
  /** Of what is there already. */
  results: call.input(byId).output(experimentResultsSchema),
  export: call
    .input(
      byId.extend({
        format: z.enum(experimentFileFormats),
        language: z.enum(['en', 'ru']).default('en'),
        /** The zip without photographs holds their hashes only. */
        includeImages: z.boolean().default(true),
        target: exportTargetSchema.default({ to: 'answer' }),
      }),
    )
    .output(exportResultSchema),
};
