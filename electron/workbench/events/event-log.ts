import { randomUUID } from 'node:crypto';
import { withEventMeta } from '@orpc/server';
import type { WorkbenchEvent } from '../../contract/app/events.ts';

interface LoggedEvent {
  readonly number: number;
  readonly event: WorkbenchEvent;
}

/** Events kept for clients that come back; some minutes of a busy queue. */
const capacity = 5000;

/** Everything that happens in the workbench, in order; a client that reconnects gets what it missed. */
export class EventLog {
  /** Tells the numbers of this process from those of an earlier one. */
  readonly #epoch = randomUUID().slice(0, 8);
  readonly #events: LoggedEvent[] = [];
  readonly #wakers = new Set<() => void>();
  #number = 0;
  #edition = 0;
  #closed = false;

  /** Grows whenever rows of the library have changed; what was read before is old then. */
  get libraryEdition(): number {
    return this.#edition;
  }

  publish(event: WorkbenchEvent): void {
    this.#number += 1;
    if (event.type === 'library' || event.type === 'resync') this.#edition += 1;
    this.#events.push({ number: this.#number, event });
    if (this.#events.length > capacity) this.#events.splice(0, capacity / 10);
    this.#wakeAll();
  }

  /** Ends every stream. */
  close(): void {
    this.#closed = true;
    this.#wakeAll();
  }

  /**
   * Streams events until the signal aborts: those after `lastEventId`, or `resync` first when that is unknown or too
   * long ago.
   */
  async *subscribe(lastEventId?: string, signal?: AbortSignal): AsyncGenerator<WorkbenchEvent, void, void> {
    let seen = this.#resume(lastEventId);
    if (seen === null) {
      seen = this.#number;
      yield this.#stamp({ number: seen, event: { type: 'resync' } });
    }
    while (!this.#isOver(signal)) {
      const missed = this.#after(seen);
      if (missed === null) {
        seen = this.#number;
        yield this.#stamp({ number: seen, event: { type: 'resync' } });
        continue;
      }
      for (const logged of missed) {
        seen = logged.number;
        yield this.#stamp(logged);
      }
      if (missed.length === 0) await this.#waitForNext(signal);
    }
  }

  #isOver(signal: AbortSignal | undefined): boolean {
    return this.#closed || signal?.aborted === true;
  }

  /** The number of the last event seen; null when there is nothing to continue from. */
  #resume(lastEventId: string | undefined): number | null {
    const [, epoch, digits] = /^([0-9a-f]{8})-(\d{1,15})$/.exec(lastEventId ?? '') ?? [];
    if (epoch !== this.#epoch || digits === undefined) return null;
    const number = Number(digits);
    return number <= this.#number ? number : null;
  }

  /** null when some of what is asked for is no longer kept. */
  #after(seen: number): LoggedEvent[] | null {
    if (seen === this.#number) return [];
    const oldest = this.#events[0]?.number ?? this.#number + 1;
    return seen + 1 < oldest ? null : this.#events.slice(seen + 1 - oldest);
  }

  #stamp({ number, event }: LoggedEvent): WorkbenchEvent {
    return withEventMeta({ ...event }, { id: `${this.#epoch}-${number}` });
  }

  #wakeAll(): void {
    for (const wake of this.#wakers) wake();
  }

  async #waitForNext(signal: AbortSignal | undefined): Promise<void> {
    await new Promise<void>((resolve) => {
      const wake = () => {
        this.#wakers.delete(wake);
        signal?.removeEventListener('abort', wake);
        resolve();
      };
      this.#wakers.add(wake);
      signal?.addEventListener('abort', wake, { once: true });
    });
  }
}
