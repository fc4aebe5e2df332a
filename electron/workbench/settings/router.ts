import { FundusLensError } from '../../contract/errors.ts';
import { problemOf } from '../../contract/problem.ts';
import { api } from '../api.ts';
import type { Services } from '../services.ts';

export function settingsRouter({ settings, events, running }: Services) {
  return api.settings.router({
    get: api.settings.get.handler(() => settings.get()),
    patch: api.settings.patch.handler(async ({ input }) => {
      const changed = settings.patch(input);
      if (settings.get().offline) await running.pauseNetwork(problemOf(offlineNow()));
      events.publish({ type: 'settings' });
      return changed;
    }),
  });
}

function offlineNow(): FundusLensError {
  return new FundusLensError('hub.offline', 'Offline mode was switched on.', {
    advice: 'Switch it off in the settings, then resume; what has arrived is kept.',
  });
}
