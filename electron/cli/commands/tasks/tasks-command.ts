import type { TaskState } from '../../../contract/app/tasks.ts';
import { exitCodes } from '../../exit-codes.ts';
import { print } from '../../terminal/standard-output.ts';
import { followTask, reportEnd } from './follow-tasks.ts';
import { withLibrary } from '../library-context.ts';
import type { LibraryOptions, LibraryTools } from '../library-context.ts';
import { drawTasks } from '../pictures/tasks-picture.ts';

export const taskCommands = ['list', 'run', 'pause', 'resume', 'retry', 'cancel'] as const;
export type TaskCommand = (typeof taskCommands)[number];

export interface TasksCommandOptions extends LibraryOptions {
  readonly limit: number;
  readonly json?: boolean | undefined;
}

/**
 * Shows tasks, or does something to those named. Without names, `pause` and `resume` mean the queue, `retry` whatever
 * failed, and `cancel` whatever waits or runs; `run` works until the queue is empty.
 */
export function runTasks(
  command: TaskCommand,
  ids: readonly string[],
  options: TasksCommandOptions,
): Promise<number> {
  return withLibrary(options, { runQueue: command === 'run' }, async (tools) => {
    const { client, signal } = tools;
    let exitCode: number = exitCodes.done;
    if (command === 'run') await untilEmpty(tools);
    else if (command !== 'list' && ids.length > 0) exitCode = await act(tools, command, ids);
    else if (command === 'pause') await client.tasks.pauseQueue();
    else if (command === 'resume') await client.tasks.resumeQueue();
    else if (command === 'retry') await actOnAll(tools, command, ['failed']);
    else if (command === 'cancel') await actOnAll(tools, command, ['queued', 'paused', 'running']);
    await print(await describe(tools, options));
    return signal.aborted ? exitCodes.cancelled : exitCode;
  });
}

/** Tasks that run in this process alone, such as downloads, are followed to their end. */
async function act(
  tools: LibraryTools,
  action: Exclude<TaskCommand, 'list' | 'run'>,
  ids: readonly string[],
): Promise<number> {
  const { client } = tools;
  // Of a name that is not known, the person hears before anything is done.
  for (const id of ids) await client.tasks.get({ id });
  await client.tasks[action]({ ids: [...ids] });
  let exitCode: number = exitCodes.done;
  for (const id of ids) {
    const { state, can } = await client.tasks.get({ id });
    if (state === 'running' && can.pause) exitCode = reportEnd(await followTask(tools, id)) || exitCode;
  }
  return exitCode;
}

async function actOnAll(
  { client }: LibraryTools,
  action: 'retry' | 'cancel',
  states: readonly TaskState[],
): Promise<void> {
  for (;;) {
    const tasks = await client.tasks.list({ states: [...states], kinds: ['trace'], limit: 1000 });
    if (tasks.length === 0) break;
    await client.tasks[action]({ ids: tasks.map(({ id }) => id) });
  }
}

async function untilEmpty({ client, signal }: LibraryTools): Promise<void> {
  const isEmpty = async () => {
    const { counts, paused } = await client.tasks.counts();
    return paused || (counts.queued === 0 && counts.running === 0);
  };
  for await (const event of await client.events.subscribe(undefined, { signal })) {
    const mayBeOver = event.type === 'resync' || event.type === 'queue' || event.type === 'task';
    if (mayBeOver && (await isEmpty())) return;
  }
}

async function describe({ client }: LibraryTools, { limit, json }: TasksCommandOptions): Promise<string> {
  const counts = await client.tasks.counts();
  const tasks = await client.tasks.list({ limit });
  return json === true ? `${JSON.stringify({ ...counts, tasks }, null, 2)}\n` : drawTasks(tasks, counts);
}
