import type { ModelTask, ModelTaskPhase } from '../common/model-manager.ts';
import type { ProgressStream } from './progress-bar.ts';
import { drawBar, fit } from './text-cells.ts';

const phaseNames: Readonly<Record<ModelTaskPhase, string>> = {
  starting: 'Starting',
  headers: 'Checking the headers',
  fetch: 'Fetching',
  waiting: 'Waiting for the hub',
  hash: 'Hashing',
  calibrate: 'Looking at photographs',
  weights: 'Writing the weights',
  check: 'Checking what is there',
  prepared: 'Running the prepared weights',
  reference: 'Running the original ones',
  compare: 'Comparing',
};
const barWidth = 24;

/** One line on a terminal that tells how far a download, preparation or verification is. */
export class TaskBar {
  readonly #stream: ProgressStream;
  #shown = false;

  constructor(stream: ProgressStream) {
    this.#stream = stream;
  }

  update({ phase, done, total, secondsLeft, state }: ModelTask): void {
    if (!this.#stream.isTTY || state !== 'running') return;
    const fraction = total === 0 ? 0 : Math.min(1, done / total);
    const bar = fit(drawBar(fraction, barWidth), barWidth);
    const left = secondsLeft === null ? '' : showSeconds(secondsLeft);
    const percent = String(Math.floor(fraction * 100)).padStart(4);
    this.#stream.write(`\r${fit(phaseNames[phase], 29)}▕${bar}▏${percent} %  ${fit(left, 14)}`);
    this.#shown = true;
  }

  clear(): void {
    if (this.#shown) this.#stream.write('\r\u001b[2K');
    this.#shown = false;
  }
}

function showSeconds(seconds: number): string {
  if (seconds < 60) return `${seconds} s left`;
  if (seconds < 3600) return `${Math.ceil(seconds / 60)} min left`;
  return `${(seconds / 3600).toFixed(1)} h left`;
}
