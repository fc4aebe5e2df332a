import { api } from '../api.ts';
import type { Desk } from '../desk.ts';

export function providersRouter({ providers: manager }: Desk) {
  const { providers } = api;
  return providers.router({
    list: providers.list.handler(({ input }) => manager.view(input.fresh)),
    installCuda: providers.installCuda.handler(({ input }) => manager.install(input)),
    cancelCuda: providers.cancelCuda.handler(() => manager.cancel()),
    removeCuda: providers.removeCuda.handler(() => manager.remove()),
  });
}
