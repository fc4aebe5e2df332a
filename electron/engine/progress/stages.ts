import type { Reuse, Timings } from '../lens-trace/lens-trace.ts';

type Stage = Exclude<keyof Timings, 'total' | 'reuse'>;

/** Runs the stages of a trace and measures how long each takes. */
export class Stages {
  readonly #start = performance.now();
  readonly #milliseconds = { load: 0, image: 0, vision: 0, decoder: 0, controls: 0, lens: 0, generate: 0 };

  /** A stage that is run more than once takes the sum. */
  async run<T>(stage: Stage, work: () => Promise<T>): Promise<T> {
    const start = performance.now();
    const result = await work();
    this.#milliseconds[stage] += performance.now() - start;
    return result;
  }

  timings(reuse: Reuse | null): Timings {
    const total = performance.now() - this.#start;
    return { ...this.#milliseconds, total, ...(reuse === null ? {} : { reuse }) };
  }
}
