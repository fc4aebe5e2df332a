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

/** How far a job is, 0–1, from its stage and the part of the stage that is done. */
export function shareDone(stage: EngineStage, done: number, total: number): number {
  const before = engineStages
    .slice(0, engineStages.indexOf(stage))
    .reduce((sum, earlier) => sum + weights[earlier], 0);
  return Math.min(1, before + weights[stage] * (total > 0 ? Math.min(1, done / total) : 0));
}
