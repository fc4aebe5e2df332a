import { Worker } from 'node:worker_threads';
import type { z } from 'zod';
import type { GroupStatistics, groupStatisticsInputSchema } from '../../contract/images/groups.ts';
import { deserializeError } from '../../contract/problem.ts';
import type { Library } from '../../store/library/library.ts';
import type { StatisticsMessage, StatisticsTask } from './statistics-worker.ts';

const entry = new URL(
  `./statistics-worker${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`,
  import.meta.url,
);

/**
 * The statistics of a group, read and computed in a thread of its own, so that the one which answers the window stays free.
 *
 * @throws FundusLensError as `groupStatistics`; whatever keeps the library from being read
 */
export async function statisticsInThread(
  library: Library,
  input: z.output<typeof groupStatisticsInputSchema>,
): Promise<GroupStatistics> {
  const { groupId, controlGroupId, modelId, conceptId, conceptIds = [], promptText = null, samples } = input;
  const ids = controlGroupId === null ? [groupId] : [groupId, controlGroupId];
  const workerData: StatisticsTask = {
    file: library.paths.database,
    groups: ids.map((id) => ({ id, name: library.groups.get(id).name })),
    ...{ modelId, promptText, conceptId, samples },
    conceptIds: [...new Set([...conceptIds, conceptId])],
    seed: groupId * 7919 + (controlGroupId ?? 0),
  };
  const worker = new Worker(entry, { workerData });
  try {
    const message = await new Promise<StatisticsMessage>((resolve, reject) => {
      worker.on('message', resolve);
      worker.on('error', reject);
      worker.on('exit', () => reject(new Error('The thread of the statistics ended.')));
    });
    if ('result' in message) return message.result;
    throw deserializeError(message.failure);
  } finally {
    await worker.terminate();
  }
}
