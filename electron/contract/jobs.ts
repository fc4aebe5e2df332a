import { z } from 'zod';
import { call } from './call.ts';
import { errorCodes } from './errors.ts';
import { byId, byIds, changed, count, idSchema, instantSchema, sha256Schema } from './ids.ts';
import { traceOrderSchema } from './traces.ts';

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

export const enqueueResultSchema = z.object({
  added: z.array(idSchema),
  /** Queued, running or done already; a done one is not run again. */
  existing: z.array(idSchema),
  /** Failed or cancelled ones that wait for another try now. */
  requeued: z.array(idSchema),
  /** Traces that the existing jobs have made. */
  traceIds: z.array(idSchema),
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

export type EnqueueOutcome = z.infer<typeof enqueueResultSchema>;

const jobCountsSchema = z.object({
  counts: z.record(z.enum(jobStates), count),
  /** Estimated; null before anything has finished. */
  millisecondsLeft: count.nullable(),
  paused: z.boolean(),
});

export const jobs = {
  enqueue: call.input(traceOrderSchema).output(enqueueResultSchema),
  /** Newest first. */
  list: call
    .input(
      z.strictObject({
        state: z.enum(jobStates).optional(),
        limit: z.int().min(1).max(1000).default(100),
        beforeId: idSchema.optional(),
      }),
    )
    .output(z.array(jobSchema)),
  get: call.input(byId).output(jobSchema),
  counts: call.output(jobCountsSchema),
  pause: call.input(byIds).output(changed),
  resume: call.input(byIds).output(changed),
  cancel: call.input(byIds).output(changed),
  retry: call.input(byIds).output(changed),
  setPriority: call.input(byIds.extend({ priority: z.int().min(-10).max(10) })).output(changed),
  /** Begins no further jobs, also after a restart; what runs goes on. */
  pauseQueue: call.output(jobCountsSchema),
  resumeQueue: call.output(jobCountsSchema),
  /** Ends the engine's process and starts it anew with the next job; its running job is tried again. */
  restartEngine: call.output(changed),
};
