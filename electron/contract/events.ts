import { eventIterator } from '@orpc/contract';
import { z } from 'zod';
import { engineStages } from '../engine/lens-trace/progress.ts';
import { call } from './call.ts';
import { count, idSchema } from './ids.ts';
import { importCountsSchema, importStates } from './imports.ts';
import { jobStates } from './jobs.ts';
import { modelTaskSchema } from './models.ts';
import { problemSchema } from './problem.ts';
import { cudaLibrarySchema } from './providers.ts';

/** What happens while nobody asks; one stream for a whole face. */
export const workbenchEventSchema = z.discriminatedUnion('type', [
  /** Sent first on a fresh stream and after events were lost: read every list anew. */
  z.object({ type: z.literal('resync') }),
  z.object({
    type: z.literal('job'),
    jobId: idSchema,
    state: z.enum(jobStates),
    imageId: idSchema.nullable(),
    traceId: idSchema.nullable(),
    problem: problemSchema.nullable(),
  }),
  z.object({
    type: z.literal('job-progress'),
    jobId: idSchema,
    stage: z.enum(engineStages),
    done: count,
    total: count,
  }),
  /** The queue as a whole changed: jobs were added, or it was paused or resumed. */
  z.object({ type: z.literal('queue'), paused: z.boolean() }),
  z.object({
    type: z.literal('import'),
    importId: idSchema,
    state: z.enum(importStates),
    counts: importCountsSchema,
    /** Files found so far; grows while folders and archives are read. */
    filesFound: count.nullable(),
    /** The file in work; a base name, never a whole path. */
    current: z.string().nullable(),
  }),
  /** Rows changed; empty ids mean "many". */
  z.object({
    type: z.literal('library'),
    what: z.enum([
      'images',
      'patients',
      'visits',
      'groups',
      'tags',
      'traces',
      'prompts',
      'concepts',
      'backups',
    ]),
    ids: z.array(idSchema),
  }),
  z.object({
    type: z.literal('engine'),
    modelId: idSchema.nullable(),
    state: z.enum(['starting', 'ready', 'busy', 'stopped', 'crashed']),
    problem: problemSchema.nullable(),
  }),
  z.object({ type: z.literal('models') }),
  /** A download, copy, preparation or verification moved on. */
  z.object({ type: z.literal('model-task'), task: modelTaskSchema }),
  /** An installation of the CUDA library moved on or ended. */
  z.object({ type: z.literal('cuda-library'), cuda: cudaLibrarySchema }),
  z.object({ type: z.literal('settings') }),
]);

export type WorkbenchEvent = z.infer<typeof workbenchEventSchema>;

/**
 * One stream for everything that happens. Each event has an id; a client that reconnects with the last id it saw
 * gets what it missed, or `resync` when that is too long ago.
 */
export const events = {
  subscribe: call.output(eventIterator(workbenchEventSchema)),
};
