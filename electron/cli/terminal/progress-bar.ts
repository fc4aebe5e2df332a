import type { EngineProgress, EngineStage } from '../../engine/lens-trace/progress.ts';
import { drawBar, fit } from './text-cells.ts';

const stageNames: Readonly<Record<EngineStage, string>> = {
  load: 'Opening the model',
  image: 'Preparing the image',
  vision: 'Looking at the image',
  decoder: 'Reading the prompt',
  generate: 'Writing the answer',
  lens: 'Reading the layers',
  controls: 'Reading the controls',
};

const minInterval = 50;
const barWidth = 30;

/** stderr, as far as it is needed here. */
export type ProgressStream = Pick<NodeJS.WriteStream, 'isTTY' | 'write'>;

/** One line on a terminal that tells how far a trace is; nothing at all where no one is looking. */
export class ProgressBar {
  readonly #stream: ProgressStream;
  #shown = false;
  #lastDrawn = 0;
  #stage: EngineStage | null = null;
  /** What is traced just now, such as "2/5 eye.jpg". */
  title = '';

  constructor(stream: ProgressStream) {
    this.#stream = stream;
  }

  update({ stage, done, total }: EngineProgress): void {
    if (!this.#stream.isTTY) return;
    const now = performance.now();
    const isNews = stage !== this.#stage || done === total;
    if (!isNews && now - this.#lastDrawn < minInterval) return;
    this.#lastDrawn = now;
    this.#stage = stage;
    const fraction = total === 0 ? 1 : done / total;
    const bar = fit(drawBar(fraction, barWidth), barWidth);
    const line = `${fit(stageNames[stage], 21)}▕${bar}▏${String(Math.round(fraction * 100)).padStart(4)} %  ${fit(this.title, 17)}`;
    this.#stream.write(`\r${line}`);
    this.#shown = true;
  }

  clear(): void {
    if (!this.#shown) return;
    this.#stream.write('\r\u001b[2K');
    this.#shown = false;
    this.#stage = null;
  }
}
