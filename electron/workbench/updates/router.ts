import { api } from '../api.ts';
import type { Services } from '../services.ts';
import { Updates } from './service.ts';

export function updatesRouter({ settings }: Services) {
  const { updates } = api;
  const service = new Updates(settings);
  const never = new AbortController().signal;
  return updates.router({
    get: updates.get.handler(() => service.view()),
    check: updates.check.handler(({ signal }) => service.check(signal ?? never)),
    verify: updates.verify.handler(({ input, signal }) => service.verify(input.path, signal ?? never)),
  });
}
