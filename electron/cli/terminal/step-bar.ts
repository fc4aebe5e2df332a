import type { ProgressStream } from './progress-bar.ts';
import { drawBar, fit } from './text-cells.ts';

const barWidth = 24;

/** One line on a terminal that tells how far a step of something long is. */
export class StepBar {
  readonly #stream: ProgressStream;
  #shown = false;

  constructor(stream: ProgressStream) {
    this.#stream = stream;
  }

  /** @param secondsLeft null when too little has happened */
  update(name: string, done: number, total: number, secondsLeft: number | null): void {
    if (!this.#stream.isTTY) return;
    const fraction = total === 0 ? 0 : Math.min(1, done / total);
    const bar = fit(drawBar(fraction, barWidth), barWidth);
    const left = secondsLeft === null ? '' : showSeconds(secondsLeft);
    const percent = String(Math.floor(fraction * 100)).padStart(4);
    this.#stream.write(`\r${fit(name, 29)}▕${bar}▏${percent} %  ${fit(left, 14)}`);
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
