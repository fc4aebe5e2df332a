export const engineStages = ['load', 'image', 'vision', 'decoder', 'generate', 'lens', 'controls'] as const;
export type EngineStage = (typeof engineStages)[number];

export interface EngineProgress {
  readonly stage: EngineStage;
  readonly done: number;
  readonly total: number;
}
