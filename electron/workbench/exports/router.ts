import type { ExportTarget } from '../../contract/exports.ts';
import { api } from '../api.ts';
import type { Services } from '../services.ts';
import { exportComparison, exportImages, exportTraces } from './export-tables.ts';
import { exportDump } from './dump.ts';
import { guardTarget } from './guard-target.ts';
import { exportHiddenStates } from './hidden-states.ts';
import { exportReport } from './report.ts';
import { exportStudy } from './study-bundle.ts';

export function exportsRouter(services: Services) {
  const { exports } = api;
  const { session, folders } = services;
  /** The input, whose target was looked at before any work. */
  const checked = <T extends { readonly target: ExportTarget }>(input: T): T => {
    guardTarget(input.target, folders);
    return input;
  };
  return exports.router({
    traces: exports.traces.handler(({ input }) => exportTraces(session.library, checked(input))),
    comparison: exports.comparison.handler(({ input, signal }) =>
      exportComparison(services, checked(input), signal),
    ),
    images: exports.images.handler(({ input }) => exportImages(session.library, checked(input))),
    hiddenStates: exports.hiddenStates.handler(({ input, signal }) =>
      exportHiddenStates(services, checked(input), signal),
    ),
    dump: exports.dump.handler(({ input, signal }) => {
      guardTarget({ to: 'file', path: input.path, overwrite: true }, folders);
      return exportDump(services, input, signal);
    }),
    study: exports.study.handler(({ input }) => exportStudy(session.library, checked(input))),
    report: exports.report.handler(({ input }) => exportReport(session.library, checked(input))),
  });
}
