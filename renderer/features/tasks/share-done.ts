import type { Task, TaskStage } from '../../../electron/contract/app/tasks.ts';
import { engineStages } from '../../../electron/engine/lens-trace/progress.ts';
import type { EngineStage } from '../../../electron/engine/lens-trace/progress.ts';

/** Rough share of a trace's time that each stage takes; only the bar's pace depends on it. */
const weights: Readonly<Record<EngineStage, number>> = {
  load: 0.2,
  image: 0.03,
  vision: 0.17,
  decoder: 0.2,
  generate: 0.1,
  lens: 0.2,
  controls: 0.1,
};

/** How far a trace is, 0–1, from its stage and the part of the stage that is done. */
export function shareOfTrace(stage: EngineStage, done: number, total: number): number {
  const before = engineStages
    .slice(0, engineStages.indexOf(stage))
    .reduce((sum, earlier) => sum + weights[earlier], 0);
  return Math.min(1, before + weights[stage] * (total > 0 ? Math.min(1, done / total) : 0));
}

/** How far a task is, 0–1; null while the amount of work is unknown. */
export function shareDone({ progress }: Pick<Task, 'progress'>): number | null {
  if (progress === null) return 0;
  const { stage, done, total } = progress;
  if (isEngineStage(stage)) return shareOfTrace(stage, done, total);
  return total === 0 ? null : Math.min(1, done / total);
}

function isEngineStage(stage: TaskStage): stage is EngineStage {
  return (engineStages as readonly string[]).includes(stage);
}
