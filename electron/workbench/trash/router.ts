import { api } from '../api.ts';
import type { Services } from '../services.ts';
import { restoreAll } from './restore.ts';

export function trashRouter({ session, events, undo }: Services) {
  const { trash } = api;
  const publishChanges = () => {
    // Steps of before may be about what has come back or gone for good.
    undo.clear();
    for (const what of [
      'images',
      'traces',
      'groups',
      'concepts',
      'protocols',
      'patients',
      'trash',
    ] as const) {
      events.publish({ type: 'library', what, ids: [] });
    }
  };
  return trash.router({
    list: trash.list.handler(() => session.library.trash.list()),
    restore: trash.restore.handler(({ input: { ids } }) => {
      // The newest comes back first: a photograph before the trace that went ahead of it.
      restoreAll(
        session.library,
        ids.toSorted((a, b) => a - b),
      );
      publishChanges();
      return { changed: ids.length };
    }),
    remove: trash.remove.handler(({ input: { ids } }) => {
      const changed = session.library.trash.remove(ids);
      publishChanges();
      return { changed };
    }),
  });
}
