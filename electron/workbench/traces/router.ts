import { findLeaks } from '../../engine/lens-trace/find-leaks.ts';
import { packTrace, tracePayloadType } from '../../engine/lens-trace/codec.ts';
import { api } from '../api.ts';
import type { Desk } from '../desk.ts';
import { resolveConcepts } from '../models/stored-models.ts';
import {
  findConceptSet,
  listConceptSets,
  listPrompts,
  removeConceptSet,
  removePrompt,
  saveConceptSet,
  savePrompt,
} from './study-catalogue.ts';
import { listTraces, noteTrace, removeTraces, viewTrace } from './trace-views.ts';

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

export function promptsRouter({ session, events }: Desk) {
  const { prompts } = api;
  const tell = () => events.publish({ type: 'library', what: 'prompts', ids: [] });
  return prompts.router({
    list: prompts.list.handler(() => listPrompts(session.library)),
    save: prompts.save.handler(({ input }) => {
      const saved = savePrompt(session.library, input.title, input.text);
      tell();
      return saved;
    }),
    remove: prompts.remove.handler(({ input }) => {
      const changed = removePrompt(session.library, input.id);
      tell();
      return { changed };
    }),
    findLeaks: prompts.findLeaks.handler(({ input }) =>
      findLeaks(input.text, findConceptSet(session.library, input.conceptSetId).set),
    ),
  });
}

export function tracesRouter({ session, events }: Desk) {
  const { traces } = api;
  return traces.router({
    list: traces.list.handler(({ input: { imageId, modelId, groupId, limit, beforeId } }) =>
      listTraces(session.library, {
        limit,
        ...(imageId === undefined ? {} : { imageId }),
        ...(modelId === undefined ? {} : { modelId }),
        ...(groupId === undefined ? {} : { groupId }),
        ...(beforeId === undefined ? {} : { beforeId }),
      }),
    ),
    get: traces.get.handler(({ input }) => viewTrace(session.library, input.id)),
    cells: traces.cells.handler(
      ({ input }) => new Blob([packTrace(session.library.traces.get(input.id))], { type: tracePayloadType }),
    ),
    note: traces.note.handler(({ input }) => {
      const noted = noteTrace(session.library, input.id, input.note);
      events.publish({ type: 'library', what: 'traces', ids: [input.id] });
      return noted;
    }),
    remove: traces.remove.handler(({ input }) => {
      const changed = removeTraces(session.library, input.ids);
      events.publish({ type: 'library', what: 'traces', ids: input.ids });
      events.publish({ type: 'library', what: 'images', ids: [] });
      return { changed };
    }),
  });
}
