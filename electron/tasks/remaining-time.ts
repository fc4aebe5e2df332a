import type { TaskProgress } from '../contract/app/tasks.ts';

const sampleEvery = 200;
const rateWindow = 15_000;

/** Estimates from the last seconds of a stage how long the rest of it takes. */
export class RemainingTime {
  /** [time, done] */
  readonly #samples: [number, number][] = [];
  #stage: TaskProgress['stage'] | null = null;
  #done = 0;

  /** @returns milliseconds; null when too little has happened */
  estimate({ stage, done, total }: TaskProgress, now: number): number | null {
    const samples = this.#samples;
    if (stage !== this.#stage || done < this.#done) samples.length = 0;
    this.#stage = stage;
    this.#done = done;
    const last = samples.at(-1);
    if (last === undefined || now - last[0] > sampleEvery) samples.push([now, done]);
    while (samples.length > 2 && now - samples[0]![0] > rateWindow) samples.shift();
    const [first] = samples;
    if (first === undefined || now - first[0] < 1000 || done <= first[1] || total < done) return null;
    return Math.round(((total - done) * (now - first[0])) / (done - first[1]));
  }
}
