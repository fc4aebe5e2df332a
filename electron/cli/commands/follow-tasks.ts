import { deserializeError } from '../../contract/problem.ts';
import { isOver } from '../../contract/tasks.ts';
import type { Task } from '../../contract/tasks.ts';
import { describeError, exitCodeOf, exitCodes } from '../exit-codes.ts';
import { ProgressBar } from '../terminal/progress-bar.ts';
import type { LibraryTools } from './library-context.ts';

/**
 * Waits until every task is over or paused, and shows how far they are.
 *
 * @param atInterrupt at Ctrl-C, `pause` pauses them, or cancels what cannot be paused; `leave` leaves them in the queue
 * @returns the tasks as they were seen last, in the order given
 */
export async function followTasks(
  { client, signal }: LibraryTools,
  ids: readonly string[],
  atInterrupt: 'pause' | 'leave',
): Promise<Task[]> {
  const bar = new ProgressBar(process.stderr);
  const seen = new Map<string, Task>();
  const waiting = new Set(ids);
  const note = (task: Task) => {
    seen.set(task.id, task);
    if (isOver(task) || task.state === 'paused') waiting.delete(task.id);
  };
  const interrupt = () => {
    for (const id of waiting) {
      const action = seen.get(id)?.can.pause === true ? 'pause' : 'cancel';
      void client.tasks[action]({ ids: [id] });
    }
  };
  if (atInterrupt === 'pause') signal.addEventListener('abort', interrupt, { once: true });
  const stream = await client.events.subscribe(undefined, atInterrupt === 'leave' ? { signal } : {});
  try {
    for await (const event of stream) {
      if (event.type === 'resync') {
        for (const id of waiting) note(await client.tasks.get({ id }));
      } else if (event.type === 'task' && waiting.has(event.task.id)) {
        note(event.task);
      } else if (event.type === 'task-progress' && waiting.has(event.taskId)) {
        if (ids.length > 1) bar.title = `${ids.length - waiting.size + 1}/${ids.length}`;
        bar.update(event.progress, event.millisecondsLeft);
      }
      if (waiting.size === 0) break;
    }
  } finally {
    signal.removeEventListener('abort', interrupt);
    bar.clear();
  }
  return ids.flatMap((id) => seen.get(id) ?? []);
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
