import type { Selectable } from 'kysely';
import type { Problem } from '../../contract/problem.ts';
import type { TaskState } from '../../contract/app/tasks.ts';
import type { JobsTable } from '../database/tables.ts';

/** A task of the queue as the library keeps it. */
export interface QueuedTask extends Omit<Selectable<JobsTable>, 'request' | 'error'> {
  /** What to do, as the runner of this kind understands it. */
  readonly request: Record<string, unknown>;
  readonly problem: Problem | null;
}

export interface NewQueuedTask {
  readonly kind: string;
  /** SHA-256 of everything that decides the result; a second task with the same key is not made. */
  readonly contentKey: string;
  readonly request: Readonly<Record<string, unknown>>;
  readonly imageId: number | null;
  /** Tasks with the same key run one after another on one warm engine. */
  readonly modelKey: string;
  /** Larger runs first. */
  readonly priority?: number;
  readonly maxAttempts?: number;
}

export interface QueueCounts extends Readonly<Record<TaskState, number>> {
  /** Estimated milliseconds until queued and running tasks are done; null before anything has finished. */
  readonly millisecondsLeft: number | null;
}

/** Done, but the trace was removed since: asking for it again makes it again. */
export function lostItsTrace(
  kind: string,
  { state, traceId }: { state: TaskState; traceId: number | null },
): boolean {
  return kind === 'trace' && state === 'done' && traceId === null;
}

export function toQueuedTask({ request, error, ...row }: Selectable<JobsTable>): QueuedTask {
  return {
    ...row,
    request: JSON.parse(request) as Record<string, unknown>,
    problem: error === null ? null : (JSON.parse(error) as Problem),
  };
}
