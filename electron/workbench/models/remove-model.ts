import { FundusLensError } from '../../contract/errors.ts';
import type { Desk } from '../desk.ts';

/**
 * Takes a model away: one of our own folder with its files, any other from the list only. Traces stay.
 *
 * @param isConfirmed a person knows that it is in use, and wants its jobs and tasks cancelled
 * @throws FundusLensError `model.in-use` without confirmation, and when the system does not let go of its files
 */
export async function removeModel(desk: Desk, modelId: number, isConfirmed: boolean): Promise<number> {
  const { session, engines, runner, manager, folders } = desk;
  const { library } = session;
  const model = library.models.get(modelId);
  const { folder } = model;
  if (folder === folders.demoModel) {
    throw new FundusLensError('input.invalid', 'The model that comes with the software cannot be removed.', {
      found: model.name,
    });
  }
  const { running, waiting } = library.jobs.idsOfModel(model.sha256);
  const tasks = manager.tasks.list().filter((task) => task.modelId === modelId && task.state === 'running');
  const isBusy = folder !== null && engines.isBusy(folder);
  if (!isConfirmed && (running.length > 0 || waiting.length > 0 || tasks.length > 0 || isBusy)) {
    throw new FundusLensError('model.in-use', `${model.name} is in use.`, {
      expected: 'a confirmation that its jobs are to be cancelled',
      found: [
        `${running.length} jobs running`,
        `${waiting.length} waiting`,
        `${tasks.length} preparations or verifications`,
      ].join(', '),
      advice: 'Wait until they are done, or confirm that they are to be cancelled.',
    });
  }
  for (const { id } of tasks) await manager.tasks.cancel(id);
  const jobs = [...running, ...waiting];
  library.jobs.cancel(jobs);
  runner.abort(jobs);
  for (const id of jobs) runner.publish(id);
  if (folder !== null) {
    await engines.close(folder);
    if (manager.store.owns(folder)) await manager.store.remove(folder);
  }
  library.models.forgetFolder(modelId);
  desk.events.publish({ type: 'models' });
  return 1;
}
