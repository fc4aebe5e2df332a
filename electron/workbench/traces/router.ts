import { packTrace, tracePayloadType } from '../../engine/lens-trace/codec.ts';
import { withoutAbsent } from '../../contract/without-absent.ts';
import { api } from '../api.ts';
import type { Services } from '../services.ts';
import { restoreAll } from '../trash/restore.ts';
import { enqueueTraces } from './enqueue.ts';
import { listTraces, noteTrace, removeTraces, viewTrace } from './trace-views.ts';

export function tracesRouter(services: Services) {
  const { session, events, queue, undo } = services;
  const { traces } = api;
  return traces.router({
    enqueue: traces.enqueue.handler(async ({ input }) => {
      const outcome = await enqueueTraces(services, input);
      queue.added();
      return outcome;
    }),
    list: traces.list.handler(({ input }) => listTraces(session.library, withoutAbsent(input))),
    count: traces.count.handler(({ input }) => session.library.traces.count(withoutAbsent(input))),
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
      const { library } = session;
      const kept = removeTraces(library, input.ids);
      undo.push({ action: 'remove-traces', imageIds: [] }, () => restoreAll(library, kept));
      events.publish({ type: 'library', what: 'trash', ids: [] });
      events.publish({ type: 'library', what: 'traces', ids: input.ids });
      events.publish({ type: 'library', what: 'images', ids: [] });
      return { changed: kept.length };
    }),
  });
}
