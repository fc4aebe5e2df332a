import { problemSchema } from '../../../contract/problem.ts';
import type { ExperimentProgress, ExperimentSummary } from '../../../contract/experiments.ts';
import type { LensChoice } from '../../../engine/lens-trace/trace-request.ts';
import type { ExperimentCell, StoredExperiment } from '../../../store/experiments/experiments.ts';
import type { Library } from '../../../store/library/library.ts';
import { traceKey } from '../../traces/queued-trace.ts';
import type { QueuedTrace } from '../../traces/queued-trace.ts';
import { planOf } from './plan.ts';
import type { Plan } from './plan.ts';

/** A model with a prompt and a lens. */
export interface Condition {
  readonly modelSha256: string;
  readonly prompt: string;
  readonly lens: LensChoice;
}

/** One trace of an experiment: a photograph under a condition. */
export interface PlannedCell {
  readonly photograph: string;
  /** Index into {@link conditionsOf}. */
  readonly condition: number;
  /** Whatever the provider, equal keys are equal numbers. */
  readonly contentKey: string;
  readonly request: Omit<QueuedTrace, 'modelId' | 'provider'>;
}

export function conditionsOf({ models, prompts, lenses }: Plan): Condition[] {
  return models.flatMap((modelSha256) =>
    prompts.flatMap((prompt) => lenses.map((lens) => ({ modelSha256, prompt, lens }))),
  );
}

/**
 * Every trace of an experiment. Those of one model and photograph follow each other, so that the model's pass over the
 * photograph serves all of them.
 */
export function planCells(stored: StoredExperiment): PlannedCell[] {
  const plan = planOf(stored);
  const conditions = conditionsOf(plan);
  const { positions, maxPixels, topK, conceptSetSha256 } = plan;
  return plan.models.flatMap((modelSha256) =>
    plan.photographs.flatMap((photograph) =>
      conditions.flatMap((condition, index) => {
        if (condition.modelSha256 !== modelSha256) return [];
        const { prompt, lens } = condition;
        const request = {
          ...{ prompt, lens, positions, maxPixels, topK, modelSha256, conceptSetSha256 },
          imageSha256: photograph,
          conceptSetRow: stored.conceptSetId,
          generate: 0,
          traceGenerated: false,
          controls: plan.controls && lens !== 'raw',
        };
        const contentKey = traceKey({ ...request, modelId: 1, provider: 'auto' });
        return [{ photograph, condition: index, contentKey, request }];
      }),
    ),
  );
}

/** What is there of an experiment, cell by cell. */
export function findCells(
  library: Library,
  stored: StoredExperiment,
): readonly (PlannedCell & ExperimentCell)[] {
  const planned = planCells(stored);
  const found = library.experiments.cells(planned.map(({ contentKey }) => contentKey));
  return planned.map((cell, index) => ({ ...cell, ...found[index]! }));
}

export function viewExperiment(library: Library, stored: StoredExperiment): ExperimentSummary {
  const { id, title, planSha256, createdAt } = stored;
  const plan = planOf(stored);
  return {
    ...{ id, title, planSha256, createdAt, question: plan.question },
    photographs: plan.photographs.length,
    conditions: conditionsOf(plan).length,
    progress: progressOf(findCells(library, stored)),
  };
}

function progressOf(cells: readonly ExperimentCell[]): ExperimentProgress {
  const open = cells.filter(({ traceId }) => traceId === null);
  const inState = (...states: readonly string[]) =>
    open.filter(({ state }) => state !== null && states.includes(state));
  const failed = inState('failed');
  const done = cells.length - open.length;
  const active = inState('queued', 'running').length;
  const spent = cells.flatMap(({ startedAt, finishedAt, traceId }) =>
    traceId === null || startedAt === null || finishedAt === null
      ? []
      : [Date.parse(finishedAt) - Date.parse(startedAt)],
  );
  // The first trace under a new prompt also reads the controls; the median is not moved by it.
  const usual = spent.length === 0 ? null : spent.sort((a, b) => a - b)[Math.floor(spent.length / 2)]!;
  const error = failed[0]?.error ?? null;
  return {
    state: stateOf(),
    total: cells.length,
    done,
    failed: failed.length,
    millisecondsLeft: usual === null || active === 0 ? null : usual * active,
    problem: error === null ? null : problemSchema.parse(JSON.parse(error)),
  };

  function stateOf(): ExperimentProgress['state'] {
    if (open.length === 0) return 'done';
    if (inState('queued').length > 0) return 'running';
    if (inState('paused').length > 0) return 'paused';
    if (active > 0) return 'running';
    return done === 0 && failed.length === 0 ? 'new' : 'incomplete';
  }
}
