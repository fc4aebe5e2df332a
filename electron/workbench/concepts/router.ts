import { api } from '../api.ts';
import type { Services } from '../services.ts';
import { restoreAll } from '../trash/restore.ts';
import { resolveConcepts } from '../models/stored-models.ts';
import { findConceptSet, listConceptSets, removeConceptSet, saveConceptSet } from './stored-concept-sets.ts';

export function conceptsRouter(services: Services) {
  const { concepts } = api;
  const { session, events, undo } = services;
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
      const { library } = session;
      const kept = removeConceptSet(library, input.setId);
      undo.push({ action: 'remove-concept-set', imageIds: [] }, () => restoreAll(library, [kept]));
      publishChange();
      events.publish({ type: 'library', what: 'trash', ids: [] });
      return { changed: 1 };
    }),
    resolve: concepts.resolve.handler(({ input }) => resolveConcepts(services, input.modelId, input.set)),
  });
}
