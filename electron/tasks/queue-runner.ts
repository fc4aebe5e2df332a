import { randomUUID } from 'node:crypto';
import { FundusLensError } from '../contract/errors.ts';
import { problemOf } from '../contract/problem.ts';
import type { Problem } from '../contract/problem.ts';
import type { TaskKind, TaskProgress } from '../contract/app/tasks.ts';
import type { Library } from '../store/library/library.ts';
import type { QueuedTask } from '../store/queue/queued-task.ts';
import type { OnProgress, OpenLibrary, QueuedKinds, QueuedWork } from './queued-work.ts';

export interface RunnerOptions {
  /** How often an idle runner looks for tasks of other processes and for due retries. */
  readonly pollMilliseconds?: number;
  readonly leaseMilliseconds?: number;
  /** Times the number of attempts so far. */
  readonly retryMilliseconds?: number;
  /** Whether a task is tried again after its engine ended; true. */
  readonly retries?: boolean;
  readonly onError?: (event: string, error: unknown) => void;
}

/** Hears how the tasks of this process go. */
export interface RunnerListener {
  changed(id: number): void;
  progressed(id: number, progress: TaskProgress): void;
  /** The library takes no more results, or takes them again (null); until then tasks wait. */
  troubled(problem: Problem | null): void;
}

const progressMilliseconds = 100;

interface RunningTask {
  readonly id: number;
  readonly imageId: number | null;
  readonly controller: AbortController;
  progress: TaskProgress | null;
}

/**
 * Runs the queue, one task at a time on one warm engine. Any number of processes may run the same queue: each task is
 * claimed with a lease that is renewed while it runs, and its result is stored and the task ended in one transaction.
 */
export class QueueRunner {
  /** Begins with the process id, so that a later start knows whether this worker is still alive. */
  readonly worker = `${process.pid}.${randomUUID()}`;
  readonly #session: OpenLibrary;
  readonly #kinds: QueuedKinds;
  readonly #listener: RunnerListener;
  readonly #options: Required<RunnerOptions>;
  #running: RunningTask | null = null;
  #loop: Promise<void> | null = null;
  #stopping = false;
  #wake: () => void = () => undefined;
  #modelKey = '';
  #trouble: Problem | null = null;

  constructor(
    session: OpenLibrary,
    kinds: QueuedKinds,
    listener: RunnerListener,
    options: RunnerOptions = {},
  ) {
    this.#session = session;
    this.#kinds = kinds;
    this.#listener = listener;
    this.#options = {
      pollMilliseconds: 1000,
      leaseMilliseconds: 60_000,
      retryMilliseconds: 2000,
      retries: true,
      onError: () => undefined,
      ...options,
    };
  }

  /** Puts back what dead workers left, and begins. Does nothing in a library that cannot be written. */
  start(): void {
    if (this.#loop !== null || this.#session.isReadOnly) return;
    this.#stopping = false;
    this.#recover(this.#isAlive);
    this.#loop = this.#run();
  }

  /** Gives a running task back to the queue, unharmed, and ends. */
  async stop(): Promise<void> {
    this.#stopping = true;
    this.#running?.controller.abort();
    this.#wake();
    await this.#loop;
    this.#loop = null;
  }

  /** Call after a change of the queue, so that nothing waits for the next look. */
  wake(): void {
    this.#wake();
  }

  /** Ends the given tasks where one of them runs here; their state must have changed already. */
  abort(ids: readonly number[]): void {
    if (this.#running !== null && ids.includes(this.#running.id)) this.#running.controller.abort();
  }

  /** Ends the task of an image that was removed. */
  abortTasksOf(imageIds: readonly number[]): void {
    const imageId = this.#running?.imageId ?? null;
    if (imageId !== null && imageIds.includes(imageId)) this.#running?.controller.abort();
  }

  /** How far a task is; null unless it runs here. */
  progressOf(id: number): TaskProgress | null {
    return this.#running?.id === id ? this.#running.progress : null;
  }

  /** Why nothing can be stored now, such as a full disk; null when all is well. */
  get trouble(): Problem | null {
    return this.#trouble;
  }

  get #library(): Library {
    return this.#session.library;
  }

  async #run(): Promise<void> {
    let lookedForDead = Date.now();
    while (!this.#stopping) {
      // What this worker could not end for want of space is still "running", and goes back once it can be written.
      if (this.#trouble !== null) this.#recover((worker) => worker !== this.worker && this.#isAlive(worker));
      const task = this.#claim();
      if (task !== undefined) await this.#attempt(task);
      else await this.#sleep();
      if (Date.now() - lookedForDead > this.#options.leaseMilliseconds / 2) {
        lookedForDead = Date.now();
        this.#recover(() => true);
      }
    }
  }

  #claim(): QueuedTask | undefined {
    const { leaseMilliseconds } = this.#options;
    const task = this.#tolerate('claim', () =>
      this.#library.queue.claim({ worker: this.worker, modelKey: this.#modelKey, leaseMilliseconds }),
    );
    if (task !== undefined) this.#setTrouble(null);
    return task;
  }

  async #attempt(task: QueuedTask): Promise<void> {
    const controller = new AbortController();
    const running: RunningTask = { id: task.id, imageId: task.imageId, controller, progress: null };
    this.#running = running;
    this.#modelKey = task.modelKey;
    const { leaseMilliseconds } = this.#options;
    const renewal = setInterval(() => {
      const ours = this.#tolerate('renew', () =>
        this.#library.queue.renew(task.id, this.worker, leaseMilliseconds),
      );
      if (ours === false) controller.abort();
    }, leaseMilliseconds / 4);
    this.#tolerate('publish', () => this.#listener.changed(task.id));
    try {
      const hooks = { signal: controller.signal, onProgress: this.#follow(running) };
      const { store, stored } = await this.#workOf(task).run(task, hooks);
      if (this.#library.queue.finish(task.id, this.worker, store)) stored?.();
    } catch (error) {
      this.#tolerate('fail', () => this.#fail(task, error));
    } finally {
      clearInterval(renewal);
      this.#running = null;
      this.#tolerate('publish', () => this.#listener.changed(task.id));
    }
  }

  /** @throws FundusLensError `input.invalid` for a kind that only another version of the software knows */
  #workOf({ kind }: QueuedTask): QueuedWork {
    const work = this.#kinds[kind as TaskKind];
    if (work !== undefined) return work;
    throw new FundusLensError('input.invalid', 'This version cannot do what the task asks for.', {
      expected: `one of ${Object.keys(this.#kinds).join(', ')}`,
      found: kind,
      advice: 'Open the library with the version that made the task, or cancel it.',
    });
  }

  #fail(task: QueuedTask, error: unknown): void {
    const { queue } = this.#library;
    const problem = problemOf(error);
    const { code } = problem;
    if (this.#stopping && code === 'engine.cancelled') {
      queue.release(task.id, this.worker);
      return;
    }
    // A task that was cancelled or removed meanwhile is no longer ours, and `fail` leaves it alone.
    const isPassing = code === 'engine.killed' || code === 'engine.cancelled' || code === 'library.locked';
    const retry = isPassing && this.#options.retries;
    const retryAfterMilliseconds = this.#options.retryMilliseconds * task.attempts;
    queue.fail(task.id, this.worker, problem, { retry, retryAfterMilliseconds });
    if (code === 'internal') this.#options.onError('task-failed', error);
  }

  #follow(running: RunningTask): OnProgress {
    let last = 0;
    return (stage, done, total, item = null) => {
      const now = Date.now();
      const isNews = stage !== running.progress?.stage || done === total;
      running.progress = { stage, done, total, item };
      if (!isNews && now - last < progressMilliseconds) return;
      last = now;
      this.#listener.progressed(running.id, running.progress);
    };
  }

  #recover(isAlive: (worker: string) => boolean): void {
    const recovered = this.#tolerate('recover', () => this.#library.queue.recover(isAlive)) ?? [];
    if (recovered.length > 0) this.#setTrouble(null);
    for (const id of recovered) this.#tolerate('publish', () => this.#listener.changed(id));
  }

  readonly #isAlive = (worker: string): boolean => {
    const pid = Number(worker.split('.', 1)[0]);
    if (worker === this.worker) return true;
    if (!Number.isInteger(pid) || pid <= 0 || pid === process.pid) return false;
    try {
      process.kill(pid, 0);
      return true;
    } catch (error) {
      return error instanceof Error && 'code' in error && error.code === 'EPERM';
    }
  };

  async #sleep(): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, this.#options.pollMilliseconds);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.#wake = () => undefined;
  }

  /** The queue must go on when the library is locked for a moment, full, or a task was removed under our hands. */
  #tolerate<T>(what: string, work: () => T): T | undefined {
    try {
      return work();
    } catch (error) {
      const problem = problemOf(error);
      // The same problem comes with every look at the queue.
      if (problem.code !== this.#trouble?.code) this.#options.onError(`queue-${what}`, error);
      if (problem.code.startsWith('library.') && problem.code !== 'library.locked') this.#setTrouble(problem);
      return undefined;
    }
  }

  #setTrouble(problem: Problem | null): void {
    if (problem?.code === this.#trouble?.code) return;
    this.#trouble = problem;
    this.#listener.troubled(problem);
  }
}
