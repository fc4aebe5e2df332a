import type { CheckpointReport } from '../../contract/models/checkpoint-report.ts';
import type { Task } from '../../contract/app/tasks.ts';
import { api } from '../api.ts';
import type { Services } from '../services.ts';
import { removeModel } from './remove-model.ts';
import { addModel, checkGate, listModels } from './stored-models.ts';

const never = new AbortController().signal;

export function modelsRouter(services: Services) {
  const { models } = api;
  const { models: manager, engines } = services;
  const { account } = manager;
  return models.router({
    list: models.list.handler(() => listModels(services)),
    inspect: models.inspect.handler(async ({ input, signal }) =>
      copyReport(await engines.inspect(input.folder, signal === undefined ? {} : { signal })),
    ),
    room: models.room.handler(() => manager.room()),
    cache: models.cache.handler(() => manager.cache()),
    offer: models.offer.handler(({ input, signal = never }) => manager.offer(input, signal)),
    addFolder: models.addFolder.handler(({ input }) => addModel(services, input.folder)),
    addCached: models.addCached.handler(({ input, signal = never }) =>
      manager.addCached(input.folder, signal),
    ),
    fetch: models.fetch.handler(async ({ input, signal = never }) =>
      begun(await manager.fetch(input, signal)),
    ),
    prepare: models.prepare.handler(async ({ input: { id, ...choices } }) =>
      begun(await manager.prepare(id, choices)),
    ),
    verify: models.verify.handler(({ input: { id, ...choices } }) => begun(manager.verify(id, choices))),
    hub: {
      get: models.hub.get.handler(() => account.describe()),
      setToken: models.hub.setToken.handler(({ input }) => {
        account.setToken(input.token);
        return account.describe();
      }),
    },
    checkGate: models.checkGate.handler(({ input }) => checkGate(services, input.id)),
    remove: models.remove.handler(async ({ input }) => ({
      changed: await removeModel(services, input.id, input.confirmed),
    })),
  });
}

const begun = ({ id }: Task) => ({ taskId: id });

function copyReport(report: CheckpointReport) {
  return {
    ...report,
    parametersByDtype: { ...report.parametersByDtype },
    estimates: [...report.estimates],
    files: [...report.files],
  };
}
