import { api } from '../api.ts';
import type { Services } from '../services.ts';
import { resolveConcepts } from '../models/stored-models.ts';
import { findConceptSet, listConceptSets, removeConceptSet, saveConceptSet } from './stored-concept-sets.ts';

export function conceptsRouter(services: Services) {
  const { concepts } = api;
  const { session, events } = services;
  const publishChange = () => events.publish({ type: 'library', what: 'concepts', ids: [] });
  return concepts.router({
    list: concepts.list.handler(() => listConceptSets(session.library)),
    get: concepts.get.handler(({ input }) => findConceptSet(session.library, input.setId)),
    save: concepts.save.handler(({ input }) => {
      const saved = saveConceptSet(session.library, input.set);
      publishChange();
      return saved;
    }),
    remove: concepts.remove.handler(({ input }) => {
      const changed = removeConceptSet(session.library, input.setId);
      publishChange();
      return { changed };
    }),
    resolve: concepts.resolve.handler(({ input }) => resolveConcepts(services, input.modelId, input.set)),
  });
}
