import type { ModelTask, ModelTaskPhase } from '../../contract/models.ts';
import type { ProgressStream } from './progress-bar.ts';
import { StepBar } from './step-bar.ts';

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

/** One line on a terminal that tells how far a download, preparation or verification is. */
export class TaskBar {
  readonly #bar: StepBar;

  constructor(stream: ProgressStream) {
    this.#bar = new StepBar(stream);
  }

  update({ phase, done, total, secondsLeft, state }: ModelTask): void {
    if (state === 'running') this.#bar.update(phaseNames[phase], done, total, secondsLeft);
  }

  clear(): void {
    this.#bar.clear();
  }
}
