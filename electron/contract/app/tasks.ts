import { z } from 'zod';
import { engineStages } from '../../engine/lens-trace/progress.ts';
import { call } from '../call.ts';
import { changed, count, idSchema, instantSchema, taskIdSchema, taskIdsSchema } from '../ids.ts';
import { lateralities } from '../laterality.ts';
import { problemSchema } from '../problem.ts';

/** Everything that takes long. */
export const taskKinds = [
  'trace',
  'import',
  'model-download',
  'model-copy',
  'model-prepare',
  'model-verify',
  'cuda-install',
  'tap',
  'decoder-fit',
  'lens-fit',
  'experiment',
] as const;

export const taskStates = ['queued', 'running', 'paused', 'done', 'failed', 'cancelled'] as const;

/** What `done` and `total` of a stage count; stages that are not named count steps. */
const unitOfStage = {
  fetch: 'bytes',
  waiting: 'bytes',
  hash: 'bytes',
  weights: 'bytes',
  unpack: 'bytes',
  prepared: 'layers',
  reference: 'layers',
  compare: 'layers',
  files: 'files',
} as const;

export const taskStages = [
  ...engineStages,
  /** An import reads files. */
  'files',
  /** A download: the feed is asked, headers are read, bytes arrive or the server is waited for, hashes are compared. */
  'ask',
  'headers',
  'fetch',
  'waiting',
  'hash',
  'unpack',
  /** The providers are tried with a new library. */
  'trial',
  /** A preparation: photographs are looked at, weights written, the result read. */
  'calibrate',
  'weights',
  'check',
  /** A verification runs both models and compares. */
  'prepared',
  'reference',
  'compare',
  /** A decoder's fit: every layer is measured, left-out patients are answered for, heads are fitted, scores get intervals. */
  'layers',
  'answers',
  'heads',
  'report',
] as const;

export const taskProgressSchema = z.object({
  stage: z.enum(taskStages),
  done: count,
  /** 0 while unknown. */
  total: count,
  /** What is worked on now, such as a file's base name; never a whole path. */
  item: z.string().nullable(),
});

/** Names to make a title of, in whatever language; what does not apply is absent. */
export const taskTitleSchema = z
  .object({
    patientCode: z.string(),
    laterality: z.enum(lateralities),
    /** Base name of the image, or of what is imported. */
    fileName: z.string(),
    /** Further files and folders of an import. */
    moreFiles: count,
    model: z.string(),
    revision: z.string(),
    prompt: z.string(),
  })
  .partial();

export const taskActions = ['pause', 'resume', 'cancel', 'retry', 'dismiss'] as const;

/** Something long: what it is, how far it is, and what may be done about it. */
export const taskSchema = z.object({
  id: taskIdSchema,
  kind: z.enum(taskKinds),
  title: taskTitleSchema,
  state: z.enum(taskStates),
  /** How far it is, or was when it was paused or failed; null before that is known. */
  progress: taskProgressSchema.nullable(),
  /** Estimated; null when too little has happened. */
  millisecondsLeft: count.nullable(),
  /** Why the last attempt ended early. */
  problem: problemSchema.nullable(),
  /** How often it was begun. */
  attempts: count,
  can: z.record(z.enum([...taskActions, 'prioritise']), z.boolean()),
  imageId: idSchema.nullable(),
  /** The model that is used, made or judged. */
  modelId: idSchema.nullable(),
  importId: idSchema.nullable(),
  /** The trace that was made. */
  traceId: idSchema.nullable(),
  createdAt: instantSchema,
  startedAt: instantSchema.nullable(),
  finishedAt: instantSchema.nullable(),
});

export const taskFilterSchema = z.strictObject({
  kinds: z.array(z.enum(taskKinds)).optional(),
  states: z.array(z.enum(taskStates)).optional(),
});

export const taskCountsSchema = z.object({
  counts: z.record(z.enum(taskStates), count),
  /** Until the queue is empty, estimated; null before anything has finished. */
  millisecondsLeft: count.nullable(),
  /** Whether the queue begins nothing more. */
  paused: z.boolean(),
  /** Why tasks cannot be stored now, such as a full disk; they go on by themselves when it is over. */
  problem: problemSchema.nullable(),
});

export type Task = z.infer<typeof taskSchema>;
export type TaskKind = (typeof taskKinds)[number];
export type TaskState = (typeof taskStates)[number];
export type TaskStage = (typeof taskStages)[number];
export type TaskAction = (typeof taskActions)[number];
export type TaskProgress = z.infer<typeof taskProgressSchema>;
export type TaskTitle = z.infer<typeof taskTitleSchema>;
export type TaskFilter = z.infer<typeof taskFilterSchema>;
export type TaskCounts = z.infer<typeof taskCountsSchema>;

export function unitOf(stage: TaskStage): 'bytes' | 'layers' | 'files' | 'steps' {
  return (unitOfStage as Partial<Record<TaskStage, 'bytes' | 'layers' | 'files'>>)[stage] ?? 'steps';
}

/** Whether a task is over, and goes on only when a person wants it. */
export function isOver({ state }: Pick<Task, 'state'>): boolean {
  return state === 'done' || state === 'failed' || state === 'cancelled';
}

/** Counts of what changed; tasks that cannot do what is asked, and unknown ones, are left as they are. */
const act = call.input(taskIdsSchema).output(changed);

export const tasks = {
  /** Newest first. */
  list: call
    .input(
      taskFilterSchema
        .extend({
          limit: z.int().min(1).max(1000).default(100),
          /** Only tasks that stand after this one. */
          before: taskIdSchema.optional(),
        })
        .prefault({}),
    )
    .output(z.array(taskSchema)),
  get: call.input(z.strictObject({ id: taskIdSchema })).output(taskSchema),
  counts: call.input(taskFilterSchema.pick({ kinds: true }).prefault({})).output(taskCountsSchema),
  /** Keeps what is done so far. */
  pause: act,
  resume: act,
  /** Ends it; a download's files are deleted, images that were imported stay. */
  cancel: act,
  /** Begins once more what failed or was cancelled. */
  retry: act,
  /** Takes what is over off the list. */
  dismiss: act,
  /** Larger runs first. */
  setPriority: call.input(taskIdsSchema.extend({ priority: z.int().min(-10).max(10) })).output(changed),
  /** Begins nothing more of the queue, also after a restart; what runs goes on. */
  pauseQueue: call.output(taskCountsSchema),
  resumeQueue: call.output(taskCountsSchema),
  /** Ends the engine's process and starts another with the next task; the running one is tried again. */
  restartEngine: call.output(changed),
};
