import { setTimeout as pause } from 'node:timers/promises';
import type { ClusterProgress } from '../../contract/cluster.ts';
import type { ExperimentSummary } from '../../contract/experiments.ts';
import type { LibraryTools } from '../commands/library-context.ts';
import type { ProgressBar } from '../terminal/progress-bar.ts';

const poll = 2000;

/**
 * Orders what is missing of an experiment on the cluster, and takes traces home until none is waited for. Ctrl-C leaves
 * the order: the same command goes on with it.
 */
export async function followOnCluster(
  { client, signal }: Pick<LibraryTools, 'client' | 'signal'>,
  id: number,
  bar: ProgressBar,
): Promise<ExperimentSummary> {
  await client.cluster.submit({ id });
  try {
    for (;;) {
      const progress = await client.cluster.collect({ id });
      bar.title = `${progress.here}/${progress.total}`;
      bar.update({ stage: 'waiting', done: progress.here, total: progress.total });
      if (signal.aborted || (progress.waiting === 0 && progress.ready === 0))
        return await summaryOf(progress);
      if (progress.collected === 0) await pause(poll, undefined, { signal }).catch(() => undefined);
    }
  } finally {
    bar.clear();
  }

  /** The problem is told by the cluster, since this library has no task that failed. */
  async function summaryOf({ problem, failed }: ClusterProgress): Promise<ExperimentSummary> {
    const { summary } = await client.experiments.get({ id });
    return { ...summary, progress: { ...summary.progress, failed, problem } };
  }
}
