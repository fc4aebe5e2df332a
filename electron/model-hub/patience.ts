import { setTimeout as sleep } from 'node:timers/promises';
import { isTransient } from './hub/hub-client.ts';

export interface FetchRules {
  /** Failures in a row, without a byte between them, after which we give up. */
  readonly attempts: number;
  /** Before the first retry; doubles with each, milliseconds. */
  readonly pauseMilliseconds: number;
  /** A hub that asks for more patience than this is asked again by a person, milliseconds. */
  readonly longestWait: number;
}

export const defaultFetchRules: FetchRules = { attempts: 5, pauseMilliseconds: 1000, longestWait: 120_000 };

interface PatienceHooks {
  readonly signal: AbortSignal;
  /** We wait before the next try; 0 when it is over. */
  readonly onWait?: (milliseconds: number) => void;
}

/** Waits after failures that pass, and loses patience with those that do not. */
export class Patience {
  readonly #rules: FetchRules;
  readonly #hooks: PatienceHooks;
  #failures = 0;

  constructor(rules: FetchRules, hooks: PatienceHooks) {
    this.#rules = rules;
    this.#hooks = hooks;
  }

  /**
   * @param hasProgressed something arrived since the last failure
   * @throws the error itself, when it will not pass or has come too often; the signal's reason
   */
  async after(error: unknown, hasProgressed: boolean): Promise<void> {
    const { signal, onWait } = this.#hooks;
    const { attempts, pauseMilliseconds, longestWait } = this.#rules;
    signal.throwIfAborted();
    if (!isTransient(error)) throw error;
    this.#failures = hasProgressed ? 1 : this.#failures + 1;
    const wait = Math.max(pauseMilliseconds * 2 ** (this.#failures - 1), error.retryAfter ?? 0);
    if (this.#failures >= attempts || wait > longestWait) throw error;
    onWait?.(wait);
    try {
      await sleep(wait, undefined, { signal });
    } finally {
      onWait?.(0);
    }
  }
}

/** Tries until it succeeds or patience ends. */
export async function retry<T>(rules: FetchRules, hooks: PatienceHooks, work: () => Promise<T>): Promise<T> {
  const patience = new Patience(rules, hooks);
  for (;;) {
    try {
      return await work();
    } catch (error) {
      await patience.after(error, false);
    }
  }
}
