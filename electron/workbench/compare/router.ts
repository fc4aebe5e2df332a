import { api } from '../api.ts';
import { runComparison } from './run-comparison.ts';
import type { Services } from '../services.ts';

export function compareRouter(services: Services) {
  return api.compare.router({
    run: api.compare.run.handler(({ input, signal }) => runComparison(services, input, signal)),
  });
}
