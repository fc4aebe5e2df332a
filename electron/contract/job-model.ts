import { z } from 'zod';
import { errorCodes } from './errors.ts';
import { idSchema, instantSchema, sha256Schema } from './library-model.ts';

export const jobStates = ['queued', 'running', 'paused', 'done', 'failed', 'cancelled'] as const;

export const jobErrorSchema = z.object({
  code: z.enum([...errorCodes, 'internal']),
  summary: z.string(),
  expected: z.string().optional(),
  found: z.string().optional(),
  advice: z.string().optional(),
});

export const jobSchema = z.object({
  id: idSchema,
  kind: z.string().min(1),
  /** SHA-256 of everything that decides the result; a second job with the same key is not made. */
  contentKey: sha256Schema,
  /** What to do, as the runner of this kind understands it. */
  request: z.record(z.string(), z.unknown()),
  imageId: idSchema.nullable(),
  /** Jobs with the same key run one after another on one warm engine. */
  modelKey: z.string(),
  /** Larger runs first. */
  priority: z.int(),
  state: z.enum(jobStates),
  attempts: z.int().nonnegative(),
  maxAttempts: z.int().positive(),
  /** Who runs it; null unless running. */
  worker: z.string().nullable(),
  /** Until when the worker's claim holds without renewal. */
  leaseUntil: instantSchema.nullable(),
  /** Not claimed before; set when a failed attempt waits for its retry. */
  notBefore: instantSchema.nullable(),
  error: jobErrorSchema.nullable(),
  traceId: idSchema.nullable(),
  createdAt: instantSchema,
  startedAt: instantSchema.nullable(),
  finishedAt: instantSchema.nullable(),
});

export type Job = z.infer<typeof jobSchema>;
export type JobState = (typeof jobStates)[number];
export type JobError = z.infer<typeof jobErrorSchema>;

export interface NewJob {
  readonly kind: string;
  readonly contentKey: string;
  readonly request: Readonly<Record<string, unknown>>;
  readonly imageId: number | null;
  readonly modelKey: string;
  readonly priority?: number;
  readonly maxAttempts?: number;
}

export interface JobCounts extends Readonly<Record<JobState, number>> {
  /** Estimated milliseconds until queue and running jobs are done; null before anything has finished. */
  readonly millisecondsLeft: number | null;
}
