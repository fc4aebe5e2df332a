import { api } from '../api.ts';
import type { Services } from '../services.ts';
import { saveDrawing } from './stored-drawings.ts';

export function drawingsRouter({ session, events }: Services) {
  const { drawings } = api;
  return drawings.router({
    list: drawings.list.handler(({ input }) => session.library.drawings.ofImage(input.imageId)),
    history: drawings.history.handler(({ input }) =>
      session.library.drawings.history(input.imageId, input.observer),
    ),
    get: drawings.get.handler(({ input }) => session.library.drawings.get(input.id)),
    save: drawings.save.handler(({ input }) => {
      const saved = saveDrawing(session.library, input);
      events.publish({ type: 'library', what: 'drawings', ids: [input.imageId] });
      if (saved.protocol !== null)
        events.publish({ type: 'library', what: 'protocols', ids: [input.imageId] });
      return saved;
    }),
  });
}
