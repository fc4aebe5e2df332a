import { z } from 'zod';
import { call } from '../call.ts';
import { byId, changed, idSchema, instantSchema } from '../ids.ts';
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
  /** Mean concept log-probability where the answer begins, nats, by layer 0…L, with a 95 % bootstrap interval over patients. */
  mean: z.array(z.number()),
  lower: z.array(z.number()),
  upper: z.array(z.number()),
});

export const groupStatisticsInputSchema = z.strictObject({
  groupId: idSchema,
  /** Images to compare with; null for the group alone. */
  controlGroupId: idSchema.nullable().default(null),
  modelId: idSchema,
  conceptId: z.string(),
  promptText: z.string().optional(),
  /** Bootstrap samples. */
  samples: z.int().min(100).max(20_000).default(2000),
});

export const groupStatisticsSchema = z.object({
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
  method: z.string(),
});

export type Group = z.infer<typeof groupSchema>;

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
  /** Mean curve of a concept with a bootstrap interval, against controls when given. */
  statistics: call.input(groupStatisticsInputSchema).output(groupStatisticsSchema),
};
