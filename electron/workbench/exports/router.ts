import type { ExportResult, ExportTarget } from '../../contract/exports.ts';
import { api } from '../api.ts';
import type { Services } from '../services.ts';
import { exportComparison, exportImages, exportTraces } from './tables/export-tables.ts';
import { exportAnimation } from './animation/export-animation.ts';
import { exportDump } from './dump.ts';
import { guardTarget } from './guard-target.ts';
import { exportHiddenStates } from './hidden-states.ts';
import { exportLibrary } from './export-library.ts';
import { exportReport } from './reports/report.ts';
import { exportStudy } from './study/study-bundle.ts';

export function exportsRouter(services: Services) {
  const { exports } = api;
  const { session, folders } = services;
  /** The input, whose target was looked at before any work. */
  const checked = <T extends { readonly target: ExportTarget }>(input: T): T => {
    guardTarget(input.target, folders);
    return input;
  };
  /** Notes what left the library, and whether it still says whose it is. */
  const noted = async (what: string, input: Exported, work: Promise<ExportResult>): Promise<ExportResult> => {
    const result = await work;
    if (!session.isReadOnly) {
      session.library.audit.append(`export.${what}`, 'library', {
        to: input.target.to,
        bytes: result.bytes,
        ...(input.traceIds === undefined ? {} : { traces: input.traceIds.length }),
        ...(input.deidentify === undefined ? {} : { deidentified: input.deidentify !== null }),
      });
    }
    return result;
  };
  return exports.router({
    traces: exports.traces.handler(({ input }) =>
      noted('traces', input, exportTraces(session.library, checked(input))),
    ),
    comparison: exports.comparison.handler(({ input, signal }) =>
      noted('comparison', input, exportComparison(services, checked(input), signal)),
    ),
    images: exports.images.handler(({ input }) =>
      noted('images', input, exportImages(session.library, checked(input))),
    ),
    animation: exports.animation.handler(({ input, signal }) =>
      noted(
        'animation',
        { target: input.target, traceIds: [input.traceId] },
        exportAnimation(services, checked(input), signal),
      ),
    ),
    hiddenStates: exports.hiddenStates.handler(({ input, signal }) =>
      noted('hidden-states', input, exportHiddenStates(services, checked(input), signal)),
    ),
    dump: exports.dump.handler(({ input, signal }) => {
      const target = { to: 'file', path: input.path, overwrite: true } as const;
      guardTarget(target, folders);
      return noted('dump', { target, traceIds: [input.traceId] }, exportDump(services, input, signal));
    }),
    study: exports.study.handler(({ input }) =>
      noted('study', input, exportStudy(session.library, checked(input))),
    ),
    library: exports.library.handler(async ({ input: { path, overwrite }, signal }) => {
      const target = { to: 'file', path, overwrite } as const;
      guardTarget(target, folders);
      const { photographs, missing, ...file } = await exportLibrary(session.library, target, signal);
      return {
        ...(await noted('library', { target }, Promise.resolve(file))),
        photographs,
        missing: [...missing],
      };
    }),
    report: exports.report.handler(({ input }) =>
      noted('report', input, exportReport(session.library, checked(input))),
    ),
  });
}

interface Exported {
  readonly target: ExportTarget;
  readonly traceIds?: readonly number[];
  readonly deidentify?: object | null;
}
