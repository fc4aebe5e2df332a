import { FundusLensError } from '../contract/errors.ts';
import { problemOf } from '../contract/problem.ts';
import type { Problem } from '../contract/problem.ts';
import { isOver, taskStates } from '../contract/app/tasks.ts';
import type { Task, TaskAction, TaskFilter, TaskKind, TaskState } from '../contract/app/tasks.ts';
import { RemainingTime } from './remaining-time.ts';
import { abilitiesOf } from './task-plan.ts';
import type { TaskPlan } from './task-plan.ts';
import { able } from './task-source.ts';
import type { TaskEvents, TaskPage, TaskSource } from './task-source.ts';

/** Why a task was interrupted: by a person, or because the program ends and goes on later. */
type Interruption = 'paused' | 'cancelled' | 'closing';

interface Entry {
  readonly plan: TaskPlan;
  task: Task;
  readonly controller: AbortController;
  interruption: Interruption | null;
  running: Promise<void>;
  readonly remaining: RemainingTime;
  /** Publishes the latest progress soon; a word for every chunk would be too many. */
  timer: NodeJS.Timeout | undefined;
}

const publishEvery = 200;
const keptEnded = 20;

/** Imports, downloads, preparations, verifications and installations: what runs in this process alone. */
export class RunningTasks implements TaskSource {
  readonly #events: TaskEvents;
  readonly #onError: (event: string, error: unknown) => void;
  readonly #entries = new Map<string, Entry>();
  readonly #lanes = new Map<string, Promise<void>>();
  #closing = false;

  constructor(events: TaskEvents, onError: (event: string, error: unknown) => void) {
    this.#events = events;
    this.#onError = onError;
  }

  /** Begins; a task of the same id that was interrupted goes on with the new plan, and one that runs is left alone. */
  start(plan: TaskPlan): Task {
    const known = this.#entries.get(plan.id);
    if (known?.task.state === 'running' || known?.task.state === 'queued') return known.task;
    const lane = plan.lane === undefined ? undefined : this.#lanes.get(plan.lane);
    const entry = this.#add(plan, lane === undefined ? 'running' : 'queued', known?.task.attempts ?? 0);
    entry.running = this.#runAfter(lane, entry);
    if (plan.lane !== undefined) this.#occupy(plan.lane, Promise.all([lane, entry.running]));
    return entry.task;
  }

  /** Shows a task that an earlier start left, without beginning it. */
  show(
    plan: TaskPlan,
    state: 'paused' | 'failed',
    problem: Problem | null,
    progress: Task['progress'],
  ): void {
    this.#change(this.#add(plan, state, 1), { problem, progress });
  }

  list({ kinds, states, limit, start }: TaskPage): Task[] {
    const tasks = [...this.#entries.values()].map(({ task }) => task).reverse();
    tasks.sort((a, b) => (a.createdAt === b.createdAt ? 0 : a.createdAt < b.createdAt ? 1 : -1));
    const first =
      start === null
        ? 0
        : 'afterId' in start
          ? tasks.findIndex(({ id }) => id === start.afterId) + 1
          : tasks.findIndex(({ createdAt }) =>
              'until' in start ? createdAt <= start.until : createdAt < start.before,
            );
    return tasks
      .slice(first < 0 ? tasks.length : first)
      .filter(({ kind, state }) => (kinds?.includes(kind) ?? true) && (states?.includes(state) ?? true))
      .slice(0, limit);
  }

  get(id: string): Task | undefined {
    return this.#entries.get(id)?.task;
  }

  counts(kinds: TaskFilter['kinds']): Record<TaskState, number> {
    const counts = Object.fromEntries(taskStates.map((state) => [state, 0])) as Record<TaskState, number>;
    for (const { task } of this.#entries.values())
      if (kinds?.includes(task.kind) ?? true) counts[task.state] += 1;
    return counts;
  }

  /** A task that cannot do it does not keep the others from it; the first error is thrown at the end. */
  async act(action: TaskAction, ids: readonly string[]): Promise<number> {
    let changed = 0;
    const errors: unknown[] = [];
    for (const id of ids) {
      const entry = this.#entries.get(id);
      if (entry?.task.can[action] !== true) continue;
      try {
        await this.#act(action, entry);
        changed += 1;
      } catch (error) {
        errors.push(error);
      }
    }
    if (errors.length > 0) throw errors[0];
    return changed;
  }

  /** Waits until a task has ended or was paused. @throws FundusLensError `input.invalid` for one that is not known */
  async wait(id: string): Promise<Task> {
    const entry = this.#entries.get(id);
    if (entry === undefined) {
      throw new FundusLensError('input.invalid', 'There is no such task any more.', { found: id });
    }
    await entry.running;
    return this.#entries.get(id)?.task ?? entry.task;
  }

  /** Pauses what uses the network, because it may not any more. */
  async pauseNetwork(problem: Problem): Promise<void> {
    for (const entry of this.#entries.values()) {
      if (entry.plan.usesNetwork !== true) continue;
      const wasRunning = entry.task.can.pause;
      await this.#interrupt(entry, 'paused');
      if (wasRunning && entry.task.state === 'paused') this.#change(entry, { problem });
    }
  }

  /** Cancels every task of a kind, and waits for their ends. */
  async cancelAll(kind: TaskKind): Promise<void> {
    await this.act(
      'cancel',
      [...this.#entries.values()].filter(({ task }) => task.kind === kind).map(({ plan }) => plan.id),
    );
  }

  /** Interrupts everything; what is resumable goes on at the next start. */
  async close(): Promise<void> {
    this.#closing = true;
    await Promise.all([...this.#entries.values()].map((entry) => this.#interrupt(entry, 'closing')));
  }

  async #act(action: TaskAction, entry: Entry): Promise<void> {
    switch (action) {
      case 'pause':
        return this.#interrupt(entry, 'paused');
      case 'resume':
      case 'retry':
        this.start(entry.plan);
        return;
      case 'cancel':
        await this.#interrupt(entry, 'cancelled');
        // It may have been done a moment before.
        if (entry.task.state === 'done') return;
        await entry.plan.discard?.();
        this.#change(entry, { state: 'cancelled', problem: null });
        return;
      case 'dismiss':
        this.#entries.delete(entry.plan.id);
    }
  }

  #add(plan: TaskPlan, state: TaskState, attempts: number): Entry {
    this.#entries.delete(plan.id);
    const { id, kind, title, modelId = null, importId = null, createdAt } = plan;
    const entry: Entry = {
      plan,
      task: {
        ...{ id, kind, title, state, modelId, importId, createdAt, attempts },
        ...{ progress: null, millisecondsLeft: null, problem: null, imageId: null, traceId: null },
        can: able({}),
        startedAt: null,
        finishedAt: null,
      },
      controller: new AbortController(),
      interruption: null,
      running: Promise.resolve(),
      remaining: new RemainingTime(),
      timer: undefined,
    };
    this.#entries.set(id, entry);
    this.#forgetOld();
    this.#change(entry, {});
    return entry;
  }

  async #runAfter(earlier: Promise<void> | undefined, entry: Entry): Promise<void> {
    const { signal } = entry.controller;
    if (earlier !== undefined) {
      // One that is cancelled while it waits ends at once.
      const aborted = new Promise<void>((resolve) => {
        signal.addEventListener('abort', () => resolve(), { once: true });
      });
      await Promise.race([earlier, aborted]);
    }
    await this.#run(entry);
  }

  #occupy(lane: string, ended: Promise<unknown>): void {
    const free = ended.then(() => {
      if (this.#lanes.get(lane) === free) this.#lanes.delete(lane);
    });
    this.#lanes.set(lane, free);
  }

  async #run(entry: Entry): Promise<void> {
    const { plan, controller } = entry;
    const startedAt = new Date().toISOString();
    this.#change(entry, { state: 'running', startedAt, attempts: entry.task.attempts + 1 });
    try {
      if (this.#closing) controller.abort();
      await plan.remember?.('running', null);
      const modelId = await plan.run({
        signal: controller.signal,
        onProgress: (stage, done, total, item = null) => this.#progress(entry, { stage, done, total, item }),
      });
      this.#change(entry, { state: 'done', modelId: modelId ?? entry.task.modelId, problem: null });
    } catch (error) {
      await this.#endEarly(entry, error);
    }
  }

  async #endEarly(entry: Entry, error: unknown): Promise<void> {
    const { plan, interruption } = entry;
    try {
      if (interruption === 'cancelled' || (interruption === 'closing' && !plan.resumable)) {
        this.#change(entry, { state: 'cancelled', problem: null });
      } else if (interruption === 'closing') {
        this.#change(entry, { state: 'paused' });
      } else if (interruption === 'paused') {
        await plan.remember?.('paused', null);
        this.#change(entry, { state: 'paused' });
      } else {
        const problem = problemOf(error);
        if (problem.code === 'internal') this.#onError(plan.kind, error);
        await plan.remember?.('failed', problem);
        this.#change(entry, { state: 'failed', problem });
      }
    } catch (second) {
      // A full disk may refuse even this; the folder still says "running", and the next start goes on.
      this.#change(entry, { state: 'failed', problem: problemOf(error) });
      this.#onError(`${plan.kind}-state`, second);
    }
  }

  async #interrupt(entry: Entry, interruption: Interruption): Promise<void> {
    const { state } = entry.task;
    if (state !== 'running' && state !== 'queued') return;
    entry.interruption = interruption;
    entry.controller.abort();
    await entry.running;
  }

  #progress(entry: Entry, progress: NonNullable<Task['progress']>): void {
    const isNewStage = progress.stage !== entry.task.progress?.stage;
    entry.task = {
      ...entry.task,
      progress,
      millisecondsLeft: entry.remaining.estimate(progress, Date.now()),
    };
    if (isNewStage || progress.done === progress.total) this.#publishProgress(entry);
    entry.timer ??= setTimeout(() => this.#publishProgress(entry), publishEvery);
  }

  #publishProgress(entry: Entry): void {
    clearTimeout(entry.timer);
    entry.timer = undefined;
    const { id, state, progress, millisecondsLeft } = entry.task;
    if (state !== 'running' || progress === null) return;
    this.#events.publish({ type: 'task-progress', taskId: id, progress, millisecondsLeft });
  }

  #change(entry: Entry, change: Partial<Task>): void {
    const task = { ...entry.task, ...change };
    if (task.state !== 'running') {
      clearTimeout(entry.timer);
      entry.timer = undefined;
      task.millisecondsLeft = null;
    }
    task.finishedAt = isOver(task) ? (task.finishedAt ?? new Date().toISOString()) : null;
    entry.task = { ...task, can: abilitiesOf(entry.plan, task.state) };
    this.#events.publish({ type: 'task', task: entry.task });
  }

  #forgetOld(): void {
    const ended = [...this.#entries.values()].filter(({ task }) =>
      ['done', 'cancelled'].includes(task.state),
    );
    for (const { plan } of ended.slice(0, Math.max(0, ended.length - keptEnded)))
      this.#entries.delete(plan.id);
  }
}
