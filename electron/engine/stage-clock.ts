import type { Reuse, Timings } from './lens-trace/lens-trace.ts';

type Stage = Exclude<keyof Timings, 'total' | 'reuse'>;

/** Splits the time of a trace into its stages, milliseconds. */
export class StageClock {
  readonly #start = performance.now();
  readonly #laps: Partial<Record<Stage, number>> = {};
  #last = this.#start;

  /** Ends a stage; the next one begins. */
  lap(stage: Stage): void {
    const now = performance.now();
    this.#laps[stage] = now - this.#last;
    this.#last = now;
  }

  timings(reuse: Reuse | null): Timings {
    const stages = { load: 0, image: 0, vision: 0, decoder: 0, controls: 0, lens: 0, generate: 0 };
    const total = performance.now() - this.#start;
    return { ...stages, ...this.#laps, total, ...(reuse === null ? {} : { reuse }) };
  }
}
