import { api } from '../api.ts';
import type { Services } from '../services.ts';

export function eventsRouter({ events }: Services) {
  return api.events.router({
    subscribe: api.events.subscribe.handler(({ lastEventId, signal }) =>
      events.subscribe(lastEventId, signal),
    ),
  });
}
