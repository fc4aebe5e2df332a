import { api } from '../api.ts';
import type { Services } from '../services.ts';

export function providersRouter({ providers: manager }: Services) {
  const { providers } = api;
  return providers.router({
    list: providers.list.handler(({ input }) => manager.view(input.fresh)),
    installCuda: providers.installCuda.handler(async ({ input }) => ({
      taskId: await manager.install(input),
    })),
    removeCuda: providers.removeCuda.handler(() => manager.remove()),
  });
}
