import { Worker } from 'node:worker_threads';
import { FundusLensError } from '../../contract/errors.ts';
import type { PrepareJob, PrepareResult } from './prepare-job.ts';
import type { PrepareAnswer } from './prepare-worker.ts';

/** In the sources a thread's entry is TypeScript, in a build JavaScript. */
const entry = new URL(`./prepare-worker${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url);

/** Threads that take jobs from a queue, each one job at a time, so that memory is that of one job per thread. */
export class PrepareThreads {
  readonly #idle: Worker[] = [];
  readonly #all: Worker[] = [];
  readonly #waiting: ((worker: Worker) => void)[] = [];

  constructor(count: number) {
    for (let index = 0; index < count; index++) {
      const worker = new Worker(entry);
      // Nobody else hears of an idle thread's failure.
      worker.on('error', () => undefined);
      this.#all.push(worker);
      this.#idle.push(worker);
    }
  }

  /** Waits for an idle thread, then starts the job on it; the result comes with the inner promise. */
  async start(job: PrepareJob): Promise<{ readonly result: Promise<PrepareResult> }> {
    const worker = this.#idle.pop() ?? (await new Promise<Worker>((resolve) => this.#waiting.push(resolve)));
    const result = this.#run(worker, job);
    result.catch(() => undefined);
    return { result };
  }

  /** Ends the threads at once, in the middle of whatever they do. */
  async end(): Promise<void> {
    await Promise.all(this.#all.map((worker) => worker.terminate()));
  }

  #run(worker: Worker, job: PrepareJob): Promise<PrepareResult> {
    return new Promise((resolve, reject) => {
      const settle = () => {
        worker.off('message', onMessage).off('error', reject);
        const next = this.#waiting.shift();
        if (next === undefined) this.#idle.push(worker);
        else next(worker);
      };
      const onMessage = (answer: PrepareAnswer) => {
        settle();
        if ('result' in answer) resolve(answer.result);
        else reject(asError(job, answer.failure));
      };
      worker.on('message', onMessage).on('error', reject);
      worker.postMessage(job);
    });
  }
}

function asError(
  { tensor, weightsFile }: PrepareJob,
  { message, isRange }: { readonly message: string; readonly isRange: boolean },
): FundusLensError {
  if (isRange) {
    return new FundusLensError('model.tensor-dtype', `Tensor "${tensor.name}" does not fit into float16.`, {
      expected: 'values between −65504 and 65504',
      found: message,
      advice: 'Prepare the model as int8 or int4, whose scales are float32.',
    });
  }
  return new FundusLensError('output.unwritable', `Cannot prepare "${tensor.name}".`, {
    expected: `${tensor.source.file} to be readable, and ${weightsFile} to be writable, with enough free space`,
    found: message,
    advice: 'Free some disk space or choose another place, and start again; what is finished is kept.',
  });
}
