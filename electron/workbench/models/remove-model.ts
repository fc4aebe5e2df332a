import { FundusLensError } from '../../contract/errors.ts';
import { queueTaskId } from '../../tasks/task-queue.ts';
import type { Services } from '../services.ts';

/**
 * Takes a model away: one of our own folder with its files, any other from the list only. Traces stay.
 *
 * @param isConfirmed a person knows that it is in use, and wants its tasks cancelled
 * @throws FundusLensError `model.in-use` without confirmation, and when the system does not let go of its files
 */
export async function removeModel(services: Services, modelId: number, isConfirmed: boolean): Promise<number> {
  const { session, engines, tasks, models, folders } = services;
  const { library } = session;
  const model = library.models.get(modelId);
  const { folder } = model;
  if (folder === folders.demoModel) {
    throw new FundusLensError('input.invalid', 'The model that comes with the software cannot be removed.', {
      found: model.name,
    });
  }
  const { running, waiting } = library.queue.idsOfModel(model.sha256);
  const others = tasks
    .list({ kinds: ['model-prepare', 'model-verify'], states: ['running'] }, 1000)
    .filter((task) => task.modelId === modelId);
  const isBusy = folder !== null && engines.isBusy(folder);
  if (!isConfirmed && (running.length > 0 || waiting.length > 0 || others.length > 0 || isBusy)) {
    throw new FundusLensError('model.in-use', `${model.name} is in use.`, {
      expected: 'a confirmation that its tasks are to be cancelled',
      found: [
        `${running.length} traces running`,
        `${waiting.length} waiting`,
        `${others.length} preparations or verifications`,
      ].join(', '),
      advice: 'Wait until they are done, or confirm that they are to be cancelled.',
    });
  }
  const ids = [...running, ...waiting].map(queueTaskId);
  await tasks.act('cancel', [...others.map(({ id }) => id), ...ids]);
  if (folder !== null) {
    await engines.close(folder);
    if (models.store.owns(folder)) await models.store.remove(folder);
  }
  library.models.forgetFolder(modelId);
  services.events.publish({ type: 'models' });
  return 1;
}
