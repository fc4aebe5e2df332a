import type { TaskProgress, TaskStage } from '../../contract/app/tasks.ts';
import { drawBar, fit } from './text-cells.ts';

const stageNames: Readonly<Record<TaskStage, string>> = {
  load: 'Opening the model',
  image: 'Preparing the image',
  vision: 'Looking at the image',
  decoder: 'Reading the prompt',
  generate: 'Writing the answer',
  lens: 'Reading the layers',
  controls: 'Reading the controls',
  files: 'Reading files',
  ask: 'Asking the feed',
  headers: 'Checking the headers',
  fetch: 'Fetching',
  waiting: 'Waiting for the server',
  hash: 'Hashing',
  unpack: 'Unpacking',
  trial: 'Trying the providers',
  calibrate: 'Looking at photographs',
  weights: 'Writing the weights',
  check: 'Checking what is there',
  prepared: 'Running the prepared weights',
  reference: 'Running the original ones',
  compare: 'Comparing',
  layers: 'measuring layers',
  answers: 'answering',
  heads: 'fitting',
  report: 'intervals',
};

const minInterval = 50;
const barWidth = 24;

/** stderr, as far as it is needed here. */
export type ProgressStream = Pick<NodeJS.WriteStream, 'isTTY' | 'write'>;

/** One line on a terminal that tells how far a task is; nothing at all where no one is looking. */
export class ProgressBar {
  readonly #stream: ProgressStream;
  #shown = false;
  #lastDrawn = 0;
  #stage: TaskStage | null = null;
  /** What is worked on just now, such as "2/5 eye.jpg"; instead of the time left. */
  title = '';

  constructor(stream: ProgressStream) {
    this.#stream = stream;
  }

  /** @param millisecondsLeft null when too little has happened */
  update(
    { stage, done, total }: Pick<TaskProgress, 'stage' | 'done' | 'total'>,
    millisecondsLeft: number | null = null,
  ): void {
    if (!this.#stream.isTTY) return;
    const now = performance.now();
    const isNews = stage !== this.#stage || done === total;
    if (!isNews && now - this.#lastDrawn < minInterval) return;
    this.#lastDrawn = now;
    this.#stage = stage;
    const fraction = total === 0 ? 0 : Math.min(1, done / total);
    const bar = fit(drawBar(fraction, barWidth), barWidth);
    const amount = total === 0 ? String(done || '') : `${Math.floor(fraction * 100)} %`;
    const left = millisecondsLeft === null ? '' : showTime(millisecondsLeft / 1000);
    const right = this.title === '' ? left : this.title;
    this.#stream.write(`\r${fit(stageNames[stage], 28)}▕${bar}▏${amount.padStart(6)}  ${fit(right, 16)}`);
    this.#shown = true;
  }

  clear(): void {
    if (!this.#shown) return;
    this.#stream.write('\r\u001b[2K');
    this.#shown = false;
    this.#stage = null;
  }
}

function showTime(seconds: number): string {
  if (seconds < 60) return `${Math.round(seconds)} s left`;
  if (seconds < 3600) return `${Math.ceil(seconds / 60)} min left`;
  return `${(seconds / 3600).toFixed(1)} h left`;
}
