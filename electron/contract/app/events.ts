import { eventIterator } from '@orpc/contract';
import { z } from 'zod';
import { call } from '../call.ts';
import { count, idSchema, taskIdSchema } from '../ids.ts';
import { problemSchema } from '../problem.ts';
import { taskProgressSchema, taskSchema } from './tasks.ts';

/** What happens while nobody asks; one stream for a whole face. */
export const workbenchEventSchema = z.discriminatedUnion('type', [
  /** Sent first on a fresh stream and after events were lost: read every list anew. */
  z.object({ type: z.literal('resync') }),
  /** A task is new or has changed, but for its progress. */
  z.object({ type: z.literal('task'), task: taskSchema }),
  z.object({
    type: z.literal('task-progress'),
    taskId: taskIdSchema,
    progress: taskProgressSchema,
    millisecondsLeft: count.nullable(),
  }),
  /** The queue as a whole changed: many tasks at once, or it was paused or resumed. */
  z.object({ type: z.literal('queue'), paused: z.boolean(), problem: problemSchema.nullable() }),
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
      'protocols',
      'drawings',
      'decoders',
      'lenses',
      'experiments',
      'backups',
      'trash',
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
