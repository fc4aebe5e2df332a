import { api } from '../api.ts';
import type { Services } from '../services.ts';
import { collectExperiment } from './collect.ts';
import { submitExperiment } from './submit.ts';

export function clusterRouter(services: Services) {
  const { cluster } = api;
  const { session, events } = services;
  return cluster.router({
    submit: cluster.submit.handler(({ input }) =>
      submitExperiment(services, session.library.experiments.get(input.id)),
    ),
    collect: cluster.collect.handler(async ({ input: { id, limit } }) => {
      const progress = await collectExperiment(services, session.library.experiments.get(id), limit);
      if (progress.collected > 0) events.publish({ type: 'library', what: 'experiments', ids: [id] });
      return progress;
    }),
  });
}
