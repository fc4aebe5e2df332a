import { api } from '../api.ts';
import type { Desk } from '../desk.ts';
import { resolveConcepts } from '../models/stored-models.ts';
import { findConceptSet, listConceptSets, removeConceptSet, saveConceptSet } from './stored-concept-sets.ts';

export function conceptsRouter(desk: Desk) {
  const { concepts } = api;
  const { session, events } = desk;
  const tell = () => events.publish({ type: 'library', what: 'concepts', ids: [] });
  return concepts.router({
    list: concepts.list.handler(() => listConceptSets(session.library)),
    get: concepts.get.handler(({ input }) => findConceptSet(session.library, input.setId)),
    save: concepts.save.handler(({ input }) => {
      const saved = saveConceptSet(session.library, input.set);
      tell();
      return saved;
    }),
    remove: concepts.remove.handler(({ input }) => {
      const changed = removeConceptSet(session.library, input.setId);
      tell();
      return { changed };
    }),
    resolve: concepts.resolve.handler(({ input }) => resolveConcepts(desk, input.modelId, input.set)),
  });
}
