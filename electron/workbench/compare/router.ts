import { api } from '../api.ts';
import { runComparison } from './run-comparison.ts';
import type { Desk } from '../desk.ts';

export function compareRouter(desk: Desk) {
  return api.compare.router({
    run: api.compare.run.handler(({ input, signal }) => runComparison(desk, input, signal)),
  });
}
