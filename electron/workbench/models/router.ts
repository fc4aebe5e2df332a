import type { CheckpointReport } from '../../engine/process/messages.ts';
import { api } from '../api.ts';
import type { Desk } from '../desk.ts';
import { removeModel } from './remove-model.ts';
import { addModel, checkGate, listModels } from './stored-models.ts';

const never = new AbortController().signal;

export function modelsRouter(desk: Desk) {
  const { models } = api;
  const { manager } = desk;
  const { tasks, account } = manager;
  return models.router({
    list: models.list.handler(() => listModels(desk)),
    inspect: models.inspect.handler(async ({ input, signal }) =>
      copyReport(await desk.engines.inspect(input.folder, signal === undefined ? {} : { signal })),
    ),
    room: models.room.handler(() => manager.room()),
    cache: models.cache.handler(() => manager.cache()),
    offer: models.offer.handler(({ input, signal = never }) => manager.offer(input, signal)),
    addFolder: models.addFolder.handler(({ input }) => addModel(desk, input.folder)),
    addCached: models.addCached.handler(({ input, signal = never }) =>
      manager.addCached(input.folder, signal),
    ),
    fetch: models.fetch.handler(({ input, signal = never }) => manager.fetch(input, signal)),
    prepare: models.prepare.handler(({ input: { id, ...choices } }) => manager.prepare(id, choices)),
    verify: models.verify.handler(({ input: { id, ...choices } }) => manager.verify(id, choices)),
    tasks: {
      list: models.tasks.list.handler(() => manager.listTasks()),
      pause: models.tasks.pause.handler(({ input }) => tasks.pause(input.taskId)),
      resume: models.tasks.resume.handler(({ input }) => tasks.resume(input.taskId)),
      cancel: models.tasks.cancel.handler(({ input }) => tasks.cancel(input.taskId)),
      dismiss: models.tasks.dismiss.handler(({ input }) => ({ changed: tasks.dismiss(input.taskIds) })),
    },
    hub: {
      get: models.hub.get.handler(() => account.describe()),
      setToken: models.hub.setToken.handler(({ input }) => {
        account.setToken(input.token);
        return account.describe();
      }),
    },
    checkGate: models.checkGate.handler(({ input }) => checkGate(desk, input.id)),
    remove: models.remove.handler(async ({ input }) => ({
      changed: await removeModel(desk, input.id, input.confirmed),
    })),
  });
}

function copyReport(report: CheckpointReport) {
  return {
    ...report,
    parametersByDtype: { ...report.parametersByDtype },
    estimates: [...report.estimates],
    files: [...report.files],
  };
}
