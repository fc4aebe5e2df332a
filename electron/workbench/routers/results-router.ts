import { FundusLensError } from '../../common/errors.ts';
import { api } from '../api.ts';
import { runComparison } from '../compare/run-comparison.ts';
import type { Desk } from '../desk.ts';

export function compareRouter(desk: Desk) {
  return api.compare.router({
    run: api.compare.run.handler(({ input, signal }) => runComparison(desk, input, signal)),
  });
}

export function exportsRouter(_desk: Desk) {
  const { exports } = api;
  const later = () => {
    throw new FundusLensError('export.failed', 'This export is not there yet.');
  };
  return exports.router({
    traces: exports.traces.handler(later),
    comparison: exports.comparison.handler(later),
    images: exports.images.handler(later),
    hiddenStates: exports.hiddenStates.handler(later),
    study: exports.study.handler(later),
    report: exports.report.handler(later),
  });
}
