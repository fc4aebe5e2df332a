import type { ModelTask, ModelTaskPhase } from '../../contract/models.ts';
import { problemOf } from '../../contract/problem.ts';
import type { EventLog } from '../events/event-log.ts';
import { FundusLensError } from '../../contract/errors.ts';

export interface TaskHooks {
  readonly signal: AbortSignal;
  readonly onProgress: (phase: ModelTaskPhase, done: number, total: number) => void;
}

/** Something long about one model, and what to keep of it when it is interrupted. */
export interface TaskPlan {
  readonly id: string;
  readonly kind: ModelTask['kind'];
  readonly title: string;
  readonly unit: ModelTask['unit'];
  readonly resumable: boolean;
  readonly modelId: number | null;
  readonly startedAt: string;
  /** @returns the id of the model that was made or judged */
  run(hooks: TaskHooks): Promise<number | null>;
  /** Keeps the state for the next start; called at every change but the end. */
  remember?(state: 'running' | 'paused' | 'failed', problem: ModelTask['problem']): Promise<void>;
  /** Takes away what a cancelled task leaves. */
  discard?(): Promise<void>;
}

/** Why a task was interrupted: by a person, or because the program ends and goes on later. */
type Interruption = 'paused' | 'cancelled' | 'closing';

interface Entry {
  plan: TaskPlan;
  task: ModelTask;
  controller: AbortController;
  interruption: Interruption | null;
  running: Promise<void>;
  /** [time, done] of the last seconds in this phase. */
  samples: [number, number][];
  lastTold: number;
}

const tellEvery = 200;
const rateWindow = 15_000;
const keptEnded = 20;

/** Runs downloads, copies, preparations and verifications, and tells how they go. */
export class ModelTasks {
  readonly #events: EventLog;
  readonly #onError: (event: string, error: unknown) => void;
  readonly #entries = new Map<string, Entry>();
  #closing = false;

  constructor(events: EventLog, onError: (event: string, error: unknown) => void) {
    this.#events = events;
    this.#onError = onError;
  }

  /** Oldest first; ended ones stay until they are dismissed. */
  list(): ModelTask[] {
    return [...this.#entries.values()].map(({ task }) => task);
  }

  /** Begins; a task of the same id that was interrupted goes on with the new plan, and one that runs is left alone. */
  start(plan: TaskPlan): ModelTask {
    const known = this.#entries.get(plan.id);
    if (known?.task.state === 'running') return known.task;
    const entry = this.#add(plan, 'running', null);
    entry.running = this.#run(entry);
    return entry.task;
  }

  /** Shows a task that an earlier start left, without beginning it. */
  show(
    plan: TaskPlan,
    state: 'paused' | 'failed',
    problem: ModelTask['problem'],
    done: [number, number],
  ): void {
    const entry = this.#add(plan, state, problem);
    [entry.task.done, entry.task.total] = done;
    this.#tell(entry);
  }

  /** @throws FundusLensError `input.invalid` for one that cannot be paused */
  async pause(id: string): Promise<ModelTask> {
    const entry = this.#get(id);
    if (!entry.plan.resumable) throw invalid('This cannot be paused; it can be cancelled.', entry.task.kind);
    await this.#interrupt(entry, 'paused');
    return entry.task;
  }

  resume(id: string): ModelTask {
    const { task, plan } = this.#get(id);
    if (task.state === 'done') throw invalid('This is done already.', task.title);
    return this.start(plan);
  }

  /** Ends it and takes away what it has done so far. */
  async cancel(id: string): Promise<ModelTask> {
    const entry = this.#get(id);
    if (entry.task.state === 'done') return entry.task;
    await this.#interrupt(entry, 'cancelled');
    await entry.plan.discard?.();
    this.#change(entry, { state: 'cancelled', problem: null, secondsLeft: null });
    return entry.task;
  }

  /** Takes ended tasks off the list. @returns how many */
  dismiss(ids: readonly string[]): number {
    let changed = 0;
    for (const id of ids) {
      const state = this.#entries.get(id)?.task.state;
      if (
        state === 'done' ||
        state === 'cancelled' ||
        (state === 'failed' && !this.#get(id).plan.resumable)
      ) {
        this.#entries.delete(id);
        changed += 1;
      }
    }
    return changed;
  }

  /** Waits until a task has ended in whatever way. */
  async wait(id: string): Promise<ModelTask> {
    const entry = this.#get(id);
    await entry.running;
    return this.#entries.get(id)?.task ?? entry.task;
  }

  /** Pauses what would use the network, because it may not any more. */
  async pauseDownloads(problem: ModelTask['problem']): Promise<void> {
    for (const entry of this.#entries.values()) {
      if (entry.plan.kind !== 'download' || entry.task.state !== 'running') continue;
      await this.#interrupt(entry, 'paused');
      this.#change(entry, { problem });
    }
  }

  /** Interrupts everything; what is resumable goes on at the next start. */
  async close(): Promise<void> {
    this.#closing = true;
    await Promise.all([...this.#entries.values()].map((entry) => this.#interrupt(entry, 'closing')));
  }

  #add(plan: TaskPlan, state: ModelTask['state'], problem: ModelTask['problem']): Entry {
    this.#entries.delete(plan.id);
    const { id, kind, title, unit, resumable, modelId, startedAt } = plan;
    const common = { id, kind, title, unit, resumable, modelId, startedAt };
    const progress = { phase: 'starting', done: 0, total: 0, secondsLeft: null } as const;
    const entry: Entry = {
      plan,
      task: { ...common, state, problem, ...progress },
      controller: new AbortController(),
      interruption: null,
      running: Promise.resolve(),
      samples: [],
      lastTold: 0,
    };
    this.#entries.set(id, entry);
    this.#forgetOld();
    this.#tell(entry);
    return entry;
  }

  async #run(entry: Entry): Promise<void> {
    const { plan, controller } = entry;
    try {
      if (this.#closing) controller.abort();
      await plan.remember?.('running', null);
      const modelId = await plan.run({
        signal: controller.signal,
        onProgress: (phase, done, total) => this.#progress(entry, phase, done, total),
      });
      this.#change(entry, {
        state: 'done',
        modelId,
        problem: null,
        secondsLeft: null,
        done: entry.task.total,
      });
    } catch (error) {
      await this.#endEarly(entry, error);
    }
  }

  async #endEarly(entry: Entry, error: unknown): Promise<void> {
    const { plan, interruption } = entry;
    try {
      if (interruption === 'closing' || interruption === 'cancelled') {
        this.#change(entry, { state: 'paused', secondsLeft: null });
      } else if (interruption === 'paused') {
        await plan.remember?.('paused', null);
        this.#change(entry, { state: 'paused', secondsLeft: null });
      } else {
        const problem = problemOf(error);
        if (problem.code === 'internal') this.#onError('model-task', error);
        await plan.remember?.('failed', problem);
        this.#change(entry, { state: 'failed', problem, secondsLeft: null });
      }
    } catch (second) {
      // A full disk may refuse even this; the folder still says "running", and the next start goes on.
      this.#change(entry, { state: 'failed', problem: problemOf(error), secondsLeft: null });
      this.#onError('model-task-state', second);
    }
  }

  async #interrupt(entry: Entry, interruption: Interruption): Promise<void> {
    if (entry.task.state !== 'running') return;
    entry.interruption = interruption;
    entry.controller.abort();
    await entry.running;
  }

  #progress(entry: Entry, phase: ModelTaskPhase, done: number, total: number): void {
    const now = Date.now();
    const { task } = entry;
    if (phase !== task.phase || done < task.done) entry.samples = [];
    Object.assign(task, { phase, done, total });
    const last = entry.samples.at(-1);
    if (last === undefined || now - last[0] > tellEvery) entry.samples.push([now, done]);
    while (entry.samples.length > 2 && now - entry.samples[0]![0] > rateWindow) entry.samples.shift();
    task.secondsLeft = secondsLeft(entry.samples, now, done, total);
    if (now - entry.lastTold >= tellEvery || done === total) this.#tell(entry);
  }

  #change(entry: Entry, change: Partial<ModelTask>): void {
    Object.assign(entry.task, change);
    this.#tell(entry);
  }

  #tell(entry: Entry): void {
    entry.lastTold = Date.now();
    this.#events.publish({ type: 'model-task', task: { ...entry.task } });
  }

  #get(id: string): Entry {
    const entry = this.#entries.get(id);
    if (entry === undefined) throw invalid('There is no such task any more.', id);
    return entry;
  }

  #forgetOld(): void {
    const ended = [...this.#entries.values()].filter(({ task }) =>
      ['done', 'cancelled'].includes(task.state),
    );
    for (const { plan } of ended.slice(0, Math.max(0, ended.length - keptEnded)))
      this.#entries.delete(plan.id);
  }
}

function secondsLeft(samples: [number, number][], now: number, done: number, total: number): number | null {
  const [first] = samples;
  if (first === undefined || now - first[0] < 1000 || done <= first[1]) return null;
  return Math.round(((total - done) * (now - first[0])) / (done - first[1]) / 1000);
}

function invalid(summary: string, found: string): FundusLensError {
  return new FundusLensError('input.invalid', summary, { found, advice: 'Reload the list of models.' });
}
