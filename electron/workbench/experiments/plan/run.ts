import { setImmediate } from 'node:timers/promises';
import { FundusLensError } from '../../../contract/errors.ts';
import type { TaskState } from '../../../contract/app/tasks.ts';
import type { StoredExperiment } from '../../../store/experiments/experiments.ts';
import type { Library } from '../../../store/library/library.ts';
import { queueTaskId } from '../../../tasks/task-queue.ts';
import { folderOf } from '../../models/model-state.ts';
import type { Services } from '../../services.ts';
import { toQueuedTask } from '../../traces/queued-trace.ts';
import type { QueuedTrace } from '../../traces/queued-trace.ts';
import { findCells } from './cells.ts';

/** Traces put into the queue in one transaction; other calls are served in between. */
const batch = 200;

/**
 * Queues what is missing of an experiment; what is there, whoever computed it, is not computed again. What was paused,
 * failed or cancelled waits for another try.
 *
 * @throws FundusLensError `model.not-found`; `input.invalid` when no photograph of what is missing is in the library
 */
export async function runExperiment(
  { session, settings, queue, tasks }: Pick<Services, 'session' | 'settings' | 'queue' | 'tasks'>,
  stored: StoredExperiment,
  chosen?: QueuedTrace['provider'],
): Promise<void> {
  const { library } = session;
  const missing = findCells(library, stored).filter(({ traceId }) => traceId === null);
  const models = new Map(
    [...new Set(missing.map(({ request }) => request.modelSha256))].map((sha256) => [
      sha256,
      findModel(library, sha256),
    ]),
  );
  const images = new Map(
    missing.map(({ photograph }) => [photograph, library.images.findBySha256(photograph)?.id]),
  );
  if (missing.length > 0 && [...images.values()].every((id) => id === undefined))
    throw new FundusLensError('input.invalid', 'None of the missing photographs is in this library.', {
      expected: `${images.size} photographs by their SHA-256`,
      advice: 'Import them again, then run the experiment.',
    });
  const provider = chosen ?? settings.get().provider;
  for (let start = 0; start < missing.length; start += batch) {
    library.transaction(() => {
      for (const { photograph, request } of missing.slice(start, start + batch)) {
        const imageId = images.get(photograph);
        if (imageId === undefined) continue;
        const trace = { ...request, modelId: models.get(request.modelSha256)!, provider };
        library.queue.enqueue([toQueuedTask(trace, imageId, 0)]);
      }
    });
    await setImmediate();
  }
  await tasks.act('resume', taskIds(library, stored, 'paused'));
  queue.added();
}

/** Pauses what waits; what runs now is finished. */
export async function pauseExperiment(
  { session, tasks }: Pick<Services, 'session' | 'tasks'>,
  stored: StoredExperiment,
): Promise<void> {
  await tasks.act('pause', taskIds(session.library, stored, 'queued'));
}

/** Takes what is missing out of the queue; what runs now ends without a trace. */
export async function cancelExperiment(
  { session, tasks }: Pick<Services, 'session' | 'tasks'>,
  stored: StoredExperiment,
): Promise<void> {
  await tasks.act('cancel', taskIds(session.library, stored, 'queued', 'paused', 'running'));
}

function taskIds(library: Library, stored: StoredExperiment, ...wanted: readonly TaskState[]): string[] {
  return findCells(library, stored).flatMap(({ taskId, state }) =>
    taskId !== null && state !== null && wanted.includes(state) ? [queueTaskId(taskId)] : [],
  );
}

function findModel(library: Library, sha256: string): number {
  const model = library.models.findBySha256(sha256);
  if (model !== undefined) {
    folderOf(model);
    return model.id;
  }
  throw new FundusLensError('model.not-found', 'A model of the experiment is not on this computer.', {
    expected: `a checkpoint with SHA-256 ${sha256}`,
    advice: 'Add its folder under "Models".',
  });
}
