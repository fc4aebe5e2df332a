import { lookUp } from '../../cluster/results.ts';
import { FundusLensError } from '../../contract/errors.ts';
import type { ClusterProgress } from '../../contract/cluster.ts';
import type { LensTrace } from '../../engine/lens-trace/lens-trace.ts';
import type { StoredExperiment } from '../../store/experiments/experiments.ts';
import type { EventLog } from '../events/event-log.ts';
import { findCells } from '../experiments/plan/cells.ts';
import type { PlannedCell } from '../experiments/plan/cells.ts';
import type { LibrarySession } from '../library/library-session.ts';
import { choiceOf } from '../models/find-lens.ts';
import { noteGate } from '../models/model-state.ts';
import type { ClusterConnection } from './cluster-connection.ts';
import { unpackObject } from './trace-object.ts';

/** Traces that are written in one transaction. */
const together = 50;

/**
 * Takes traces of an experiment that the cluster has computed into the library, as if they had been computed here.
 *
 * @param limit at most so many
 * @throws FundusLensError `cluster.*`; `cluster.storage` when a trace is not the one that was ordered
 */
export async function collectExperiment(
  tools: { readonly session: LibrarySession; readonly events: EventLog; readonly cluster: ClusterConnection },
  stored: StoredExperiment,
  limit: number,
): Promise<ClusterProgress & { readonly collected: number }> {
  const { library } = tools.session;
  const { cluster, storage } = await tools.cluster.open();
  const all = findCells(library, stored);
  const missing = all.filter(({ traceId }) => traceId === null);
  const states = await lookUp(
    cluster,
    missing.map(({ contentKey }) => contentKey),
  );
  const ready = missing.flatMap((cell) => {
    const state = states.get(cell.contentKey);
    return state?.state === 'done' ? [{ cell, objectSha256: state.objectSha256 }] : [];
  });
  const taken = ready.slice(0, limit);
  const { set: conceptSet } = library.conceptSets.get(stored.conceptSetId);
  for (let start = 0; start < taken.length; start += together) {
    const traces = await Promise.all(
      taken.slice(start, start + together).map(async ({ cell, objectSha256 }) => ({
        cell,
        trace: await readTrace(await storage.read(objectSha256), cell),
      })),
    );
    const ids = library.transaction(() =>
      traces.map(({ cell: { photograph, contentKey }, trace }) => {
        const imageId = library.images.findBySha256(photograph)?.id ?? null;
        return library.traces.insert(trace, { imageId, contentKey, conceptSet });
      }),
    );
    for (const { trace } of new Map(traces.map((each) => [each.trace.model.sha256, each])).values())
      noteGate(library, trace);
    tools.events.publish({ type: 'library', what: 'traces', ids });
  }
  const problems = [...states.values()].flatMap((state) => (state.state === 'failed' ? [state.problem] : []));
  return {
    total: all.length,
    here: all.length - missing.length + taken.length,
    waiting: [...states.values()].filter(({ state }) => state === 'waiting').length,
    failed: problems.length,
    ready: ready.length - taken.length,
    problem: problems[0] ?? null,
    collected: taken.length,
  };
}

/** The trace in an object, which has to be the one that the cell asks for. */
async function readTrace(bytes: Buffer, { request }: PlannedCell): Promise<LensTrace> {
  const trace = await unpackObject(bytes);
  const asked = [request.modelSha256, request.lens, request.prompt].join(', ');
  const found = [trace.model.sha256, choiceOf(trace), trace.prompt.text].join(', ');
  if (found === asked) return trace;
  throw new FundusLensError('cluster.storage', 'A trace of the cluster is not the one that was ordered.', {
    expected: asked,
    found,
    advice: 'Find out which worker wrote it: `fundus-lens cluster status` lists them.',
  });
}
