import { api } from '../api.ts';
import type { Desk } from '../desk.ts';

export function eventsRouter({ events }: Desk) {
  return api.events.router({
    subscribe: api.events.subscribe.handler(({ lastEventId, signal }) =>
      events.subscribe(lastEventId, signal),
    ),
  });
}
