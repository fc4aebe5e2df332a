import { calibrateLayer } from '../layer/calibrate-layer.ts';
import type { CalibratedAnswers, CalibrateJob } from '../layer/calibrate-layer.ts';
import { evaluateLayer } from '../layer/evaluate-layer.ts';
import type { EvaluateJob, EvaluateResult } from '../layer/evaluate-layer.ts';
import { trainHeads } from '../layer/train-heads.ts';
import type { TrainedHead, TrainJob } from '../layer/train-heads.ts';

export type DecoderJob = EvaluateJob | CalibrateJob | TrainJob;

/** Where the linear algebra of a fit is done: in this thread or in others. */
export interface JobRunner {
  /** Jobs that it works on at the same time. */
  readonly concurrency: number;
  evaluate(job: EvaluateJob): Promise<EvaluateResult>;
  calibrate(job: CalibrateJob): Promise<CalibratedAnswers[]>;
  train(job: TrainJob): Promise<TrainedHead[]>;
}

/** One job after the other in this thread, which is blocked meanwhile but hears messages in between. */
export const inThisThread: JobRunner = {
  concurrency: 1,
  evaluate: (job) => afterMessages(() => evaluateLayer(job)),
  calibrate: (job) => afterMessages(() => calibrateLayer(job)),
  train: (job) => afterMessages(() => trainHeads(job)),
};

function afterMessages<T>(work: () => T): Promise<T> {
  return new Promise((resolve, reject) => {
    setImmediate(() => {
      try {
        resolve(work());
      } catch (error) {
        reject(error instanceof Error ? error : new Error(String(error)));
      }
    });
  });
}

/** Works through a list, at most so many at a time; results in the order of the list. The first failure ends it. */
export async function mapConcurrently<Item, Result>(
  items: readonly Item[],
  concurrency: number,
  work: (item: Item, index: number) => Promise<Result>,
): Promise<Result[]> {
  const results = new Array<Result>(items.length);
  let next = 0;
  let failed = false;
  const lane = async () => {
    while (next < items.length && !failed) {
      const index = next++;
      try {
        results[index] = await work(items[index]!, index);
      } catch (error) {
        failed = true;
        throw error;
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(concurrency, items.length) }, lane));
  return results;
}
