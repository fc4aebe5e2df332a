import type { DesktopEvent } from '../contract/app/desktop.ts';

/**
 * What the desktop tells the page. Files that were opened before the page listens wait for it: a double click on a
 * photograph starts the app and then has to arrive.
 */
export class DesktopEvents {
  readonly #listeners = new Set<(event: DesktopEvent) => void>();
  #waiting: DesktopEvent[] = [];

  publish(event: DesktopEvent): void {
    if (this.#listeners.size === 0 && event.type === 'open-files') this.#waiting.push(event);
    for (const listener of this.#listeners) listener(event);
  }

  /** Yields until the signal ends it. */
  async *subscribe(signal: AbortSignal | undefined): AsyncGenerator<DesktopEvent, void, void> {
    const queue = this.#waiting;
    this.#waiting = [];
    let wake = () => {};
    const listener = (event: DesktopEvent) => {
      queue.push(event);
      wake();
    };
    const end = () => wake();
    this.#listeners.add(listener);
    signal?.addEventListener('abort', end);
    try {
      while (signal?.aborted !== true) {
        const event = queue.shift();
        if (event !== undefined) yield event;
        else await new Promise<void>((resolve) => (wake = resolve));
      }
    } finally {
      this.#listeners.delete(listener);
      signal?.removeEventListener('abort', end);
    }
  }
}
