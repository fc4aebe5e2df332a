import { api } from '../api.ts';
import type { Desk } from '../desk.ts';

export function settingsRouter({ settings, events, manager, providers }: Desk) {
  return api.settings.router({
    get: api.settings.get.handler(() => settings.get()),
    patch: api.settings.patch.handler(async ({ input }) => {
      const changed = settings.patch(input);
      await manager.settingsChanged();
      await providers.settingsChanged();
      events.publish({ type: 'settings' });
      return changed;
    }),
  });
}
