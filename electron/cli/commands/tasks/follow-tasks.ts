import { FundusLensError } from '../../../contract/errors.ts';
import { deserializeError } from '../../../contract/problem.ts';
import type { Problem } from '../../../contract/problem.ts';
import { isOver } from '../../../contract/app/tasks.ts';
import type { Task } from '../../../contract/app/tasks.ts';
import { describeError, exitCodeOf, exitCodes } from '../../exit-codes.ts';
import { ProgressBar } from '../../terminal/progress-bar.ts';
import type { LibraryTools } from '../library-context.ts';

/**
 * Waits for tasks and gives each one as it ends or is paused, showing how far the running one is.
 *
 * @param signal ends the waiting; what is not over stays as it is
 * @throws FundusLensError `library.*` when tasks cannot be stored, as on a full disk: they stay in the queue
 */
export async function* endingTasks(
  { client, signal }: { readonly client: LibraryTools['client']; readonly signal: AbortSignal },
  ids: readonly string[],
  progress: ProgressBar,
): AsyncGenerator<Task> {
  const waiting = new Set(ids);
  const takeEnded = (task: Task) =>
    (isOver(task) || task.state === 'paused') && waiting.delete(task.id) ? [task] : [];
  if (waiting.size === 0) return;
  try {
    for await (const event of await client.events.subscribe(undefined, { signal })) {
      if (event.type === 'resync') {
        refuseToWait((await client.tasks.counts()).problem);
        for (const id of [...waiting]) yield* takeEnded(await client.tasks.get({ id }));
      } else if (event.type === 'queue') {
        refuseToWait(event.problem);
      } else if (event.type === 'task') {
        yield* takeEnded(event.task);
      } else if (event.type === 'task-progress' && waiting.has(event.taskId)) {
        progress.title = ids.length === 1 ? '' : `${ids.length - waiting.size + 1}/${ids.length}`;
        progress.update(event.progress, event.millisecondsLeft);
      }
      if (waiting.size === 0) return;
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    progress.clear();
  }
}

function refuseToWait(problem: Problem | null): void {
  if (problem !== null) throw deserializeError(problem);
}

/** Waits until a task of this process is over; Ctrl-C pauses it, or cancels what cannot be paused. */
export async function followTask({ client, signal }: LibraryTools, id: string): Promise<Task> {
  const interrupt = async () => {
    const { can } = await client.tasks.get({ id });
    await client.tasks[can.pause ? 'pause' : 'cancel']({ ids: [id] });
  };
  const onAbort = () => void interrupt();
  signal.addEventListener('abort', onAbort, { once: true });
  const listening = { client, signal: new AbortController().signal };
  const ending = endingTasks(listening, [id], new ProgressBar(process.stderr));
  try {
    for await (const ended of ending) return ended;
    return await client.tasks.get({ id });
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

/** Why a task ended without its result. */
export function errorOf({ problem }: Task): Error {
  return problem === null ? new FundusLensError('engine.cancelled', 'Cancelled.') : deserializeError(problem);
}

/** Says on stderr why a task ended early. @returns the exit code */
export function reportEnd({ state, problem, can }: Task): number {
  if (state === 'done') return exitCodes.done;
  if (problem === null) {
    const advice = can.resume ? ' The same command goes on from here.' : '';
    process.stderr.write(`fundus-lens: interrupted.${advice}\n`);
    return exitCodes.cancelled;
  }
  const error = deserializeError(problem);
  process.stderr.write(`fundus-lens: ${describeError(error)}\n`);
  return exitCodeOf(error);
}
