import { api } from '../api.ts';
import type { Desk } from '../desk.ts';
import { exportComparison, exportImages, exportTraces } from './export-tables.ts';
import { exportHiddenStates } from './hidden-states.ts';
import { exportReport } from './report.ts';
import { exportStudy } from './study-bundle.ts';

export function exportsRouter(desk: Desk) {
  const { exports } = api;
  const { session } = desk;
  return exports.router({
    traces: exports.traces.handler(({ input }) => exportTraces(session.library, input)),
    comparison: exports.comparison.handler(({ input, signal }) => exportComparison(desk, input, signal)),
    images: exports.images.handler(({ input }) => exportImages(session.library, input)),
    hiddenStates: exports.hiddenStates.handler(({ input, signal }) =>
      exportHiddenStates(desk, input, signal),
    ),
    study: exports.study.handler(({ input }) => exportStudy(session.library, input)),
    report: exports.report.handler(({ input }) => exportReport(session.library, input)),
  });
}
