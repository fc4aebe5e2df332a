import type { Task, TaskAction, TaskCounts, TaskFilter, TaskKind, TaskState } from '../contract/app/tasks.ts';
import { taskKinds } from '../contract/app/tasks.ts';
import type { Queue } from '../store/queue/queue.ts';
import type { QueuedTask } from '../store/queue/queued-task.ts';
import { QueueRunner } from './queue-runner.ts';
import type { RunnerOptions } from './queue-runner.ts';
import type { OpenLibrary, QueuedKinds } from './queued-work.ts';
import { able } from './task-source.ts';
import type { TaskEvents, TaskPage, TaskSource } from './task-source.ts';

/** More changes at a time are published as one. */
const publishedSingly = 200;

/** The tasks that the library keeps until they are done, and what runs them. */
export class TaskQueue implements TaskSource {
  readonly #session: OpenLibrary;
  readonly #kinds: QueuedKinds;
  readonly #events: TaskEvents;
  readonly #runner: QueueRunner;

  constructor(session: OpenLibrary, kinds: QueuedKinds, events: TaskEvents, options: RunnerOptions = {}) {
    this.#session = session;
    this.#kinds = kinds;
    this.#events = events;
    const listener = {
      changed: (id: number) => this.#publish([id]),
      progressed: (id: number, progress: NonNullable<Task['progress']>) =>
        events.publish({ type: 'task-progress', taskId: queueTaskId(id), progress, millisecondsLeft: null }),
      troubled: () => this.#publishQueue(),
    };
    this.#runner = new QueueRunner(session, kinds, listener, options);
  }

  /** Begins to run tasks in this process. */
  start(): void {
    this.#runner.start();
  }

  /** Gives a running task back, unharmed, and ends. */
  stop(): Promise<void> {
    return this.#runner.stop();
  }

  /** Call when rows were put into the queue. */
  added(): void {
    this.#runner.wake();
    this.#publishQueue();
  }

  #publishQueue(): void {
    const { trouble } = this.#runner;
    this.#events.publish({ type: 'queue', paused: this.#queue.isQueuePaused(), problem: trouble });
  }

  /** Ends the running task of an image that was removed. */
  abortTasksOf(imageIds: readonly number[]): void {
    this.#runner.abortTasksOf(imageIds);
  }

  setPaused(paused: boolean): void {
    this.#queue.setQueuePaused(paused);
    this.added();
  }

  setPriority(ids: readonly string[], priority: number): number {
    const numbers = numbersOf(ids);
    return this.#changed(numbers, () => this.#queue.setPriority(numbers, priority));
  }

  status(): Pick<TaskCounts, 'millisecondsLeft' | 'paused' | 'problem'> {
    const { millisecondsLeft } = this.#queue.counts();
    return { millisecondsLeft, paused: this.#queue.isQueuePaused(), problem: this.#runner.trouble };
  }

  counts(kinds: TaskFilter['kinds']): Readonly<Record<TaskState, number>> {
    const { queued, running, paused, done, failed, cancelled } = this.#queue.counts(kinds);
    return { queued, running, paused, done, failed, cancelled };
  }

  list({ kinds, states, limit, start }: TaskPage): Task[] {
    const rows = this.#queue.list({
      limit,
      kinds: kinds ?? taskKinds,
      ...(states === undefined ? {} : { states }),
      ...(start !== null && 'afterId' in start ? { beforeId: numberOf(start.afterId) ?? 0 } : start),
    });
    return this.#view(rows);
  }

  get(id: string): Task | undefined {
    const number = numberOf(id);
    const row = number === null ? undefined : this.#queue.find(number);
    return row === undefined ? undefined : this.#view([row])[0];
  }

  act(action: TaskAction, ids: readonly string[]): Promise<number> {
    const numbers = numbersOf(ids);
    if (numbers.length === 0 || action === 'dismiss') return Promise.resolve(0);
    const changed = this.#changed(numbers, () => {
      const moved = this.#queue[action](numbers);
      if (action === 'cancel') this.#runner.abort(numbers);
      return moved;
    });
    return Promise.resolve(changed);
  }

  get #queue(): Queue {
    return this.#session.library.queue;
  }

  #changed(numbers: readonly number[], work: () => number): number {
    const changed = work();
    this.added();
    if (numbers.length <= publishedSingly) this.#publish(numbers);
    return changed;
  }

  #publish(numbers: readonly number[]): void {
    const rows = numbers.flatMap((number) => this.#queue.find(number) ?? []);
    for (const task of this.#view(rows)) this.#events.publish({ type: 'task', task });
  }

  #view(all: readonly QueuedTask[]): Task[] {
    // A later version may have put in what this one does not know.
    const rows = all.filter(({ kind }) => (taskKinds as readonly string[]).includes(kind));
    const described = new Map<QueuedTask, Pick<Task, 'title' | 'modelId'>>();
    for (const kind of new Set(rows.map((row) => row.kind))) {
      const alike = rows.filter((row) => row.kind === kind);
      const views = this.#kinds[kind as TaskKind]?.describe(alike) ?? [];
      alike.forEach((row, index) => described.set(row, views[index] ?? { title: {}, modelId: null }));
    }
    return rows.map((row) => this.#viewOne(row, described.get(row)!));
  }

  #viewOne(row: QueuedTask, described: Pick<Task, 'title' | 'modelId'>): Task {
    const { id, kind, state, problem, attempts, imageId, traceId, createdAt, startedAt, finishedAt } = row;
    const waits = state === 'queued' || state === 'paused';
    return {
      id: queueTaskId(id),
      kind: kind as TaskKind,
      ...described,
      ...{ state, problem, attempts, imageId, traceId, createdAt, startedAt, finishedAt },
      importId: null,
      progress: this.#runner.progressOf(id),
      millisecondsLeft: null,
      can: able({
        pause: state === 'queued',
        resume: state === 'paused',
        cancel: waits || state === 'running',
        retry: state === 'failed' || state === 'cancelled',
        prioritise: waits,
      }),
    };
  }
}

/** The id of a task of the queue, by its row. */
export function queueTaskId(row: number): string {
  return `queue:${row}`;
}

function numberOf(id: string): number | null {
  const [, digits] = /^queue:(\d{1,15})$/.exec(id) ?? [];
  return digits === undefined ? null : Number(digits);
}

function numbersOf(ids: readonly string[]): number[] {
  return ids.flatMap((id) => numberOf(id) ?? []);
}
