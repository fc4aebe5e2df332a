import type { Undone } from '../../contract/images/images.ts';

interface Step {
  readonly done: Undone;
  /** Puts everything back; runs in one transaction. */
  readonly revert: () => void;
}

const capacity = 100;

/** Changes of this session that can be taken back, newest last. Removals are not among them. */
export class UndoStack {
  readonly #steps: Step[] = [];

  push(done: Undone, revert: () => void): void {
    this.#steps.push({ done, revert });
    if (this.#steps.length > capacity) this.#steps.shift();
  }

  peek(): Undone | null {
    return this.#steps.at(-1)?.done ?? null;
  }

  /** Takes the newest change back; when that fails it stays on the stack. */
  pop(transaction: (work: () => void) => void): Undone | null {
    const step = this.#steps.at(-1);
    if (step === undefined) return null;
    transaction(step.revert);
    this.#steps.pop();
    return step.done;
  }

  /** After a restore, ids may stand for other rows. */
  clear(): void {
    this.#steps.length = 0;
  }
}
