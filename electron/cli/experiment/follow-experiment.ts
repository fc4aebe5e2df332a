import { deserializeError } from '../../contract/problem.ts';
import type { ExperimentSummary } from '../../contract/experiments.ts';
import type { TraceRequest } from '../../engine/lens-trace/trace-request.ts';
import type { LibraryTools } from '../commands/library-context.ts';
import type { ProgressBar } from '../terminal/progress-bar.ts';

/**
 * Runs an experiment and waits until nothing of it waits any more; Ctrl-C leaves it as far as it is.
 *
 * @throws FundusLensError `library.*` when traces cannot be stored, as on a full disk: they stay in the queue
 */
export async function followExperiment(
  { client, signal }: Pick<LibraryTools, 'client' | 'signal'>,
  id: number,
  provider: TraceRequest['provider'] | undefined,
  progress: ProgressBar,
): Promise<ExperimentSummary> {
  const changes = await client.events.subscribe(undefined, { signal });
  let summary = await client.experiments.run({ id, ...(provider === undefined ? {} : { provider }) });
  try {
    if (summary.progress.state === 'running') {
      for await (const event of changes) {
        if (event.type === 'queue' && event.problem !== null) throw deserializeError(event.problem);
        if (event.type === 'task-progress')
          progress.update(event.progress, summary.progress.millisecondsLeft);
        if (event.type !== 'task' && event.type !== 'queue' && event.type !== 'resync') continue;
        ({ summary } = await client.experiments.get({ id }));
        progress.title = `${summary.progress.done}/${summary.progress.total}`;
        if (summary.progress.state !== 'running') break;
      }
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    progress.clear();
  }
  return (await client.experiments.get({ id })).summary;
}
