import { Worker } from 'node:worker_threads';
import { deserializeDecoderError } from '../request/errors.ts';
import type { JobAnswer } from './job-worker.ts';
import type { CalibratedAnswers } from '../layer/calibrate-layer.ts';
import type { EvaluateResult } from '../layer/evaluate-layer.ts';
import type { DecoderJob, JobRunner } from './run-jobs.ts';
import type { TrainedHead } from '../layer/train-heads.ts';

/** In the sources a thread's entry is TypeScript, in a build JavaScript. */
const entry = new URL(`./job-worker${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url);

/** Threads that share the jobs of a fit, each one job at a time. */
export class JobThreads implements JobRunner {
  readonly concurrency: number;
  readonly #idle: Worker[];
  readonly #all: readonly Worker[];

  constructor(count: number) {
    this.concurrency = count;
    this.#all = Array.from({ length: count }, () => new Worker(entry));
    this.#idle = [...this.#all];
    // An idle thread's failure shows when it gets its next job.
    for (const worker of this.#all) worker.on('error', () => undefined);
  }

  async evaluate(job: Parameters<JobRunner['evaluate']>[0]): Promise<EvaluateResult> {
    return (await this.#run(job)) as EvaluateResult;
  }

  async calibrate(job: Parameters<JobRunner['calibrate']>[0]): Promise<CalibratedAnswers[]> {
    return (await this.#run(job)) as CalibratedAnswers[];
  }

  async train(job: Parameters<JobRunner['train']>[0]): Promise<TrainedHead[]> {
    return (await this.#run(job)) as TrainedHead[];
  }

  /** Ends the threads at once, in the middle of whatever they do. */
  async end(): Promise<void> {
    await Promise.all(this.#all.map((worker) => worker.terminate()));
  }

  #run(job: DecoderJob): Promise<unknown> {
    const worker = this.#idle.pop();
    if (worker === undefined) throw new Error('More jobs at a time than threads.');
    return new Promise((resolve, reject) => {
      const settle = () => {
        worker.off('message', onMessage).off('error', onError).off('exit', onExit);
        this.#idle.push(worker);
      };
      const onMessage = (answer: JobAnswer) => {
        settle();
        if ('result' in answer) resolve(answer.result);
        else reject(deserializeDecoderError(answer.failure));
      };
      const onError = (error: Error) => {
        settle();
        reject(error);
      };
      const onExit = () => onError(new Error('A thread of the fit ended.'));
      worker.on('message', onMessage).on('error', onError).on('exit', onExit);
      worker.postMessage(job);
    });
  }
}
