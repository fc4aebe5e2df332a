import { api } from '../api.ts';
import { guardTarget } from '../exports/guard-target.ts';
import type { Services } from '../services.ts';
import { chosenImages } from '../traces/enqueue.ts';
import { viewExperiment } from './plan/cells.ts';
import { exportExperiment } from './document/export.ts';
import { readExperiment, writeExperiment } from './plan/experiment-yaml.ts';
import { findModels } from './plan/find-models.ts';
import { notebookExperiment, requireNotebookSize } from './plan/notebook.ts';
import { fileOf, fixPlan, photographsOfIds, withPhotographs } from './plan/plan.ts';
import { readResults } from './results/results.ts';
import { cancelExperiment, pauseExperiment, runExperiment } from './plan/run.ts';

export function experimentsRouter(services: Services) {
  const { experiments } = api;
  const { session, events, folders } = services;
  const tell = (id: number) => events.publish({ type: 'library', what: 'experiments', ids: [id] });
  const view = (id: number) => viewExperiment(session.library, session.library.experiments.get(id));
  return experiments.router({
    list: experiments.list.handler(() =>
      session.library.experiments.list().map((stored) => viewExperiment(session.library, stored)),
    ),
    get: experiments.get.handler(({ input }) => {
      const stored = session.library.experiments.get(input.id);
      const file = fileOf(session.library, stored);
      return { summary: viewExperiment(session.library, stored), file, yaml: writeExperiment(file) };
    }),
    create: experiments.create.handler(async ({ input: { file, images } }) => {
      const whole = withPhotographs(session.library, file, images);
      const { id } = fixPlan(session.library, whole, await findModels(services, whole), images);
      tell(id);
      return view(id);
    }),
    notebook: experiments.notebook.handler(({ input: { images, modelId, language } }) => {
      const { library } = session;
      const { sha256, name } = library.models.get(modelId);
      const ids = chosenImages(library, images);
      requireNotebookSize(ids.length);
      const file = notebookExperiment(photographsOfIds(library, ids), { sha256, name }, language);
      const { id } = fixPlan(library, file, [sha256]);
      tell(id);
      return view(id);
    }),
    read: experiments.read.handler(({ input }) => readExperiment(input.text)),
    run: experiments.run.handler(async ({ input }) => {
      await runExperiment(services, session.library.experiments.get(input.id), input.provider);
      tell(input.id);
      return view(input.id);
    }),
    pause: experiments.pause.handler(async ({ input }) => {
      await pauseExperiment(services, session.library.experiments.get(input.id));
      tell(input.id);
      return view(input.id);
    }),
    cancel: experiments.cancel.handler(async ({ input }) => {
      await cancelExperiment(services, session.library.experiments.get(input.id));
      tell(input.id);
      return view(input.id);
    }),
    remove: experiments.remove.handler(async ({ input }) => {
      await cancelExperiment(services, session.library.experiments.get(input.id));
      session.library.experiments.remove(input.id);
      tell(input.id);
      return { changed: 1 };
    }),
    results: experiments.results.handler(({ input }) =>
      readResults(session.library, session.library.experiments.get(input.id)),
    ),
    export: experiments.export.handler(async ({ input }) => {
      guardTarget(input.target, folders);
      const stored = session.library.experiments.get(input.id);
      const result = await exportExperiment(session.library, stored, input);
      if (!session.isReadOnly)
        session.library.audit.append('export.experiment', `experiment ${input.id}`, {
          to: input.target.to,
          format: input.format,
          bytes: result.bytes,
        });
      return result;
    }),
  });
}
