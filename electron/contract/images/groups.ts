import { z } from 'zod';
import { call } from '../call.ts';
import { byId, changed, idSchema, instantSchema } from '../ids.ts';
import { exportResultSchema, exportTargetSchema } from '../exports.ts';
import { imageChoiceSchema } from '../image-query.ts';

/** A cohort: a named set of images. */
export const groupSchema = z.object({
  id: idSchema,
  name: z.string().min(1),
  note: z.string(),
  imageCount: z.int().nonnegative(),
  createdAt: instantSchema,
});

const meanCurve = z.object({
  traceCount: z.int().nonnegative(),
  /** What the mean and its interval are over; an image without a patient stands for itself. */
  patientCount: z.int().nonnegative(),
  /** Traces of older libraries whose curves are still being read in, in the background. */
  unreadCount: z.int().nonnegative(),
  /** Images left out: their newest trace has not all of the concepts, or was read by first tokens while others were by words. */
  otherCount: z.int().nonnegative(),
  /** Mean concept log-probability where the answer begins, nats, by layer 0…L, with a 95 % bootstrap interval over patients. */
  mean: z.array(z.number()),
  lower: z.array(z.number()),
  upper: z.array(z.number()),
});

const layer = z.int().positive().nullable();
const share = z.number().min(0).max(1);

/** From which layer on a concept is readable in a group, those counted in which it never is. */
const emergenceOfGroupSchema = z.object({
  /** Images in which it was asked. */
  imageCount: z.int().positive(),
  /** By layer 0…L: share in which it is readable by then, the mean over patients; ends at 1 − `never`. */
  cumulative: z.array(z.number()),
  /** First layer by which it is in half of them; null when it never is in so many. */
  layer,
  /** 95 % bootstrap interval over patients; null stands for never. */
  layerInterval: z.array(layer).length(2),
  never: share,
  neverInterval: z.array(share).length(2),
});

const conceptOfGroupSchema = z.object({
  conceptId: z.string(),
  /** null where it was asked in no image. */
  group: emergenceOfGroupSchema.nullable(),
  control: emergenceOfGroupSchema.nullable(),
  /** Log-probability at layer L, nats; group minus controls, with p corrected over concepts by max-T. */
  lastLayer: z.object({
    mean: z.number(),
    control: z.number().nullable(),
    difference: z.number().nullable(),
    correctedPValue: z.number().nullable(),
  }),
});

export const groupStatisticsInputSchema = z.strictObject({
  groupId: idSchema,
  /** Images to compare with; null for the group alone. */
  controlGroupId: idSchema.nullable().default(null),
  modelId: idSchema,
  /** Whose mean curve is drawn. */
  conceptId: z.string(),
  /** All that are told of in the table; the one above alone when left out. */
  conceptIds: z.array(z.string()).max(1000).optional(),
  promptText: z.string().optional(),
  /** Bootstrap samples and permutations; fewer are drawn of large groups, at least 499. */
  samples: z.int().min(100).max(20_000).default(2000),
});

export const groupStatisticsSchema = z.object({
  /** Whole words, or first tokens where the traces are older. */
  reading: z.enum(['words', 'first-tokens']),
  /** Drawn. */
  samples: z.int().positive(),
  group: meanCurve,
  control: meanCurve.nullable(),
  /** Group minus control with its interval, and tests over patients. */
  difference: z
    .object({
      mean: z.array(z.number()),
      lower: z.array(z.number()),
      upper: z.array(z.number()),
      pValue: z.array(z.number()),
      /** Corrected over layers by the largest statistic of every permutation (max-T). */
      correctedPValue: z.array(z.number()),
      test: z.enum(['sign-flip', 'permutation']),
      /** Patients of both groups that the comparison leaves out. */
      leftOutCount: z.int().nonnegative(),
    })
    .nullable(),
  /** In the order that was asked for. */
  concepts: z.array(conceptOfGroupSchema),
  method: z.string(),
});

/** What one model has traced of a group by the logit lens, however many traces that are. */
export const tracedByModelSchema = z.object({
  modelId: idSchema,
  /** Images with a trace, whatever the prompt. */
  imageCount: z.int().positive(),
  /** Set of the newest trace; null when that has none. */
  conceptSetId: z.string().nullable(),
  /** Images by prompt, the most first. */
  prompts: z.array(z.object({ text: z.string(), imageCount: z.int().positive() })),
});

export const groupStatisticsExportSchema = groupStatisticsInputSchema.extend({
  format: z.enum(['csv', 'json']).default('csv'),
  target: exportTargetSchema.default({ to: 'answer' }),
});

export type Group = z.infer<typeof groupSchema>;
export type TracedByModel = z.infer<typeof tracedByModelSchema>;

export type EmergenceOfGroup = z.infer<typeof emergenceOfGroupSchema>;
export type ConceptOfGroup = z.infer<typeof conceptOfGroupSchema>;
export type GroupStatistics = z.infer<typeof groupStatisticsSchema>;

const groupInput = z.strictObject({ name: z.string().trim().min(1).max(200), note: z.string().default('') });

export const groups = {
  list: call.output(z.array(groupSchema)),
  get: call.input(byId).output(z.object({ group: groupSchema, imageIds: z.array(idSchema) })),
  create: call.input(groupInput).output(groupSchema),
  update: call.input(byId.extend({ change: groupInput.partial() })).output(groupSchema),
  remove: call.input(byId).output(changed),
  addImages: call.input(byId.extend({ images: imageChoiceSchema })).output(groupSchema),
  removeImages: call.input(byId.extend({ images: imageChoiceSchema })).output(groupSchema),
  /** The model with the newest trace first. */
  traced: call.input(byId).output(z.array(tracedByModelSchema)),
  /** Every concept's emergence, and the mean curve of one with a bootstrap interval; against controls when given. */
  statistics: call.input(groupStatisticsInputSchema).output(groupStatisticsSchema),
  /** The same: as JSON whole, as CSV the table of concepts with what its numbers are. */
  export: call.input(groupStatisticsExportSchema).output(exportResultSchema),
};
