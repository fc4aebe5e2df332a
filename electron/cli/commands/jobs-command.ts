import type { JobState } from '../../contract/jobs.ts';
import { exitCodes } from '../exit-codes.ts';
import { withLibrary } from './library-context.ts';
import type { LibraryOptions, LibraryTools } from './library-context.ts';
import { print } from '../terminal/standard-output.ts';
import { drawTable } from '../terminal/text-table.ts';

export const jobActions = ['list', 'run', 'pause', 'resume', 'retry', 'cancel'] as const;
export type JobAction = (typeof jobActions)[number];

export interface JobsCommandOptions extends LibraryOptions {
  readonly limit: number;
  readonly json?: boolean | undefined;
}

/**
 * Shows or steers the queue: `run` works until it is empty, `retry` queues what failed, `cancel` takes out whatever
 * waits or runs.
 */
export function runJobs(action: JobAction, options: JobsCommandOptions): Promise<number> {
  return withLibrary(options, { runJobs: action === 'run' }, async (tools) => {
    const { client } = tools;
    if (action === 'pause') await client.jobs.pauseQueue();
    if (action === 'resume') await client.jobs.resumeQueue();
    if (action === 'retry') await forEach(tools, ['failed'], (ids) => client.jobs.retry({ ids }));
    if (action === 'cancel') {
      await forEach(tools, ['queued', 'paused', 'running'], (ids) => client.jobs.cancel({ ids }));
    }
    if (action === 'run') await untilEmpty(tools);
    await print(await describe(tools, options));
    return tools.signal.aborted ? exitCodes.cancelled : exitCodes.done;
  });
}

async function forEach(
  { client }: LibraryTools,
  states: readonly JobState[],
  work: (ids: number[]) => Promise<unknown>,
): Promise<void> {
  for (const state of states) {
    for (;;) {
      const ids = (await client.jobs.list({ state, limit: 1000 })).map(({ id }) => id);
      if (ids.length === 0) break;
      await work(ids);
    }
  }
}

async function untilEmpty({ client, signal }: LibraryTools): Promise<void> {
  const isEmpty = async () => {
    const { counts, paused } = await client.jobs.counts();
    return paused || (counts.queued === 0 && counts.running === 0);
  };
  for await (const event of await client.events.subscribe(undefined, { signal })) {
    const mayBeOver = event.type === 'resync' || event.type === 'queue' || event.type === 'job';
    if (mayBeOver && (await isEmpty())) return;
  }
}

async function describe({ client }: LibraryTools, { limit, json }: JobsCommandOptions): Promise<string> {
  const status = await client.jobs.counts();
  const jobs = await client.jobs.list({ limit });
  if (json === true) return `${JSON.stringify({ ...status, jobs }, null, 2)}\n`;
  const { counts, millisecondsLeft, paused } = status;
  const totals = Object.entries(counts)
    .filter(([, count]) => count > 0)
    .map(([state, count]) => `${count} ${state}`);
  const left =
    millisecondsLeft === null || millisecondsLeft === 0
      ? ''
      : `; about ${Math.ceil(millisecondsLeft / 60_000)} min left`;
  const rows = jobs.map(({ id, state, imageId, attempts, error }) => [
    String(id),
    state,
    imageId === null ? 'none' : String(imageId),
    String(attempts),
    error === null ? '' : `${error.summary} [${error.code}]`,
  ]);
  const table = rows.length === 0 ? '' : drawTable(['job', 'state', 'image', 'tries', 'problem'], rows);
  return `${totals.length === 0 ? 'No jobs' : totals.join(', ')}${left}${paused ? '; the queue is paused' : ''}\n${table}`;
}
