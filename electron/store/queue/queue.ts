import type { Problem } from '../../contract/problem.ts';
import { taskStates } from '../../contract/app/tasks.ts';
import type { TaskState } from '../../contract/app/tasks.ts';
import { found, query } from '../database/database.ts';
import type { Database } from '../database/database.ts';
import { lostItsTrace, toQueuedTask } from './queued-task.ts';
import type { NewQueuedTask, QueueCounts, QueuedTask } from './queued-task.ts';

export interface EnqueueResult {
  readonly added: number[];
  /** Tasks that were queued, running or done already; a done one is not run again. */
  readonly existing: number[];
  /** Failed or cancelled ones that wait for another try now. */
  readonly requeued: number[];
}

export interface Claim {
  /** Who will run it; unique to the process, so that a dead worker can be told from a living one. */
  readonly worker: string;
  /** Taken first among tasks of equal priority, because its engine is warm. */
  readonly modelKey?: string;
  readonly leaseMilliseconds?: number;
}

/** What {@link Queue.list} shows; everything when left out. */
export interface QueueFilter {
  readonly states?: readonly TaskState[];
  readonly kinds?: readonly string[];
  readonly beforeId?: number;
  /** Instants: only what was made earlier, or not later. */
  readonly before?: string;
  readonly until?: string;
  readonly limit: number;
}

const defaultLease = 60_000;
const defaultMaxAttempts = 3;

/**
 * The queue, safe for any number of processes: a task is claimed, renewed and ended by single statements, and one that
 * is done never runs again.
 */
export class Queue {
  readonly #db: Database;
  readonly #now: () => Date;

  constructor(db: Database, now: () => Date) {
    this.#db = db;
    this.#now = now;
  }

  enqueue(tasks: readonly NewQueuedTask[]): EnqueueResult {
    return this.#db.transaction(() => {
      const result: EnqueueResult = { added: [], existing: [], requeued: [] };
      for (const task of tasks) {
        const known = this.#db.get(
          query
            .selectFrom('jobs')
            .select(['id', 'state', 'traceId'])
            .where('contentKey', '=', task.contentKey),
        );
        if (known === undefined) {
          result.added.push(this.#insert(task));
        } else if (
          known.state === 'failed' ||
          known.state === 'cancelled' ||
          lostItsTrace(task.kind, known)
        ) {
          this.#requeue(known.id);
          result.requeued.push(known.id);
        } else {
          result.existing.push(known.id);
        }
      }
      return result;
    });
  }

  /** Takes the next task that is due, or undefined when there is none or the queue is paused. */
  claim({ worker, modelKey = '', leaseMilliseconds = defaultLease }: Claim): QueuedTask | undefined {
    if (this.isQueuePaused()) return undefined;
    const now = this.#now();
    const lease = new Date(now.getTime() + leaseMilliseconds).toISOString();
    return this.#db.transaction(() => {
      const next = this.#db.rows<{ id: number }>(
        `SELECT id FROM jobs WHERE state = 'queued' AND (notBefore IS NULL OR notBefore <= ?)
        ORDER BY priority DESC, modelKey = ? DESC, id LIMIT 1`,
        [now.toISOString(), modelKey],
      )[0];
      if (next === undefined) return undefined;
      this.#db.execute(
        `UPDATE jobs SET state = 'running', worker = ?, leaseUntil = ?, startedAt = ?, finishedAt = NULL,
          attempts = attempts + 1, error = NULL WHERE id = ?`,
        [worker, lease, now.toISOString(), next.id],
      );
      return this.get(next.id);
    });
  }

  /** @returns false when the task is no longer this worker's: cancelled, or given to another after a lost lease */
  renew(id: number, worker: string, leaseMilliseconds = defaultLease): boolean {
    const lease = new Date(this.#now().getTime() + leaseMilliseconds).toISOString();
    return this.#change(id, worker, 'leaseUntil = ?', [lease]);
  }

  /**
   * Stores a task's result and marks it done, both or neither.
   *
   * @param store writes the result and returns its trace id, or null for a task without a trace
   * @returns false, with nothing stored, when the task is no longer this worker's
   */
  finish(id: number, worker: string, store: () => number | null): boolean {
    return this.#db.transaction(() => {
      const { state, worker: owner } = this.get(id);
      if (state !== 'running' || owner !== worker) return false;
      const ended = [store(), this.#now().toISOString()];
      return this.#change(
        id,
        worker,
        `state = 'done', traceId = ?, finishedAt = ?, worker = NULL, leaseUntil = NULL`,
        ended,
      );
    });
  }

  /**
   * Ends an attempt with an error: queued again after `retryAfterMilliseconds`, or failed when attempts are used up
   * or the error would only repeat itself.
   */
  fail(
    id: number,
    worker: string,
    error: Problem,
    { retry = true, retryAfterMilliseconds = 0 }: { retry?: boolean; retryAfterMilliseconds?: number } = {},
  ): boolean {
    const now = this.#now();
    return this.#change(
      id,
      worker,
      `state = CASE WHEN ? AND attempts < maxAttempts THEN 'queued' ELSE 'failed' END,
        worker = NULL, leaseUntil = NULL, error = ?, notBefore = ?, finishedAt = ?`,
      [
        retry ? 1 : 0,
        JSON.stringify(error),
        new Date(now.getTime() + retryAfterMilliseconds).toISOString(),
        now.toISOString(),
      ],
    );
  }

  /** Gives a task back unharmed, as when the app closes; the attempt does not count. */
  release(id: number, worker: string): boolean {
    return this.#change(
      id,
      worker,
      `state = 'queued', attempts = max(0, attempts - 1), worker = NULL, leaseUntil = NULL`,
      [],
    );
  }

  /**
   * Puts back what dead workers left running; an attempt that ended so counts, lest a task that kills its engine run for
   * ever.
   *
   * @param isAlive whether a worker still exists; by default one is dead when its lease has run out
   */
  recover(isAlive: (worker: string) => boolean = () => true): number[] {
    const now = this.#now().toISOString();
    return this.#db.transaction(() => {
      const running = query
        .selectFrom('jobs')
        .select(['id', 'worker', 'leaseUntil'])
        .where('state', '=', 'running');
      const dead = this.#db
        .all(running)
        .filter(({ worker, leaseUntil }) => !isAlive(worker ?? '') || (leaseUntil ?? '') <= now);
      for (const { id, worker } of dead) {
        const error = {
          code: 'engine.killed',
          summary: 'The program ended while the task ran.',
        } satisfies Problem;
        this.fail(id, worker ?? '', error);
      }
      return dead.map(({ id }) => id);
    });
  }

  pause(ids: readonly number[]): number {
    return this.#move(ids, ['queued'], 'paused');
  }

  resume(ids: readonly number[]): number {
    return this.#move(ids, ['paused'], 'queued');
  }

  /** A running task's worker learns of it when it next renews or ends. */
  cancel(ids: readonly number[]): number {
    return this.#move(ids, ['queued', 'paused', 'running'], 'cancelled');
  }

  retry(ids: readonly number[]): number {
    return this.#db.transaction(() => {
      let changed = 0;
      for (const id of ids) {
        const state = this.find(id)?.state;
        if (state !== 'failed' && state !== 'cancelled') continue;
        this.#requeue(id);
        changed++;
      }
      return changed;
    });
  }

  setPriority(ids: readonly number[], priority: number): number {
    return this.#db.execute(
      `UPDATE jobs SET priority = ? WHERE state IN ('queued', 'paused')
        AND id IN (SELECT value FROM json_each(?))`,
      [priority, JSON.stringify(ids)],
    ).changes;
  }

  /** Stops further claims, also after a restart; running tasks go on. */
  setQueuePaused(paused: boolean): void {
    this.#db.execute(
      `INSERT INTO settings (key, value) VALUES ('jobs.paused', ?)
      ON CONFLICT (key) DO UPDATE SET value = excluded.value`,
      [JSON.stringify(paused)],
    );
  }

  isQueuePaused(): boolean {
    return (
      this.#db.get(query.selectFrom('settings').select('value').where('key', '=', 'jobs.paused'))?.value ===
      'true'
    );
  }

  get(id: number): QueuedTask {
    return found(this.find(id), 'such task', id);
  }

  find(id: number): QueuedTask | undefined {
    const row = this.#db.get(query.selectFrom('jobs').selectAll().where('id', '=', id));
    return row === undefined ? undefined : toQueuedTask(row);
  }

  /** Newest first. */
  list({ states, kinds, beforeId, before, until, limit }: QueueFilter): QueuedTask[] {
    let rows = query.selectFrom('jobs').selectAll().orderBy('id', 'desc').limit(limit);
    if (states !== undefined) rows = rows.where('state', 'in', states);
    if (kinds !== undefined) rows = rows.where('kind', 'in', kinds);
    if (beforeId !== undefined) rows = rows.where('id', '<', beforeId);
    if (before !== undefined) rows = rows.where('createdAt', '<', before);
    if (until !== undefined) rows = rows.where('createdAt', '<=', until);
    return this.#db.all(rows).map(toQueuedTask);
  }

  /** Queued tasks of a model in the order in which they will be claimed. */
  next(modelKey: string, limit: number): QueuedTask[] {
    const rows = query
      .selectFrom('jobs')
      .selectAll()
      .where('state', '=', 'queued')
      .where('modelKey', '=', modelKey)
      .orderBy('priority', 'desc')
      .orderBy('id')
      .limit(limit);
    return this.#db.all(rows).map(toQueuedTask);
  }

  /** Tasks of a model that are not over. */
  idsOfModel(modelKey: string): { readonly running: number[]; readonly waiting: number[] } {
    const open = query
      .selectFrom('jobs')
      .select(['id', 'state'])
      .where('modelKey', '=', modelKey)
      .where('state', 'in', ['running', 'queued', 'paused']);
    const rows = this.#db.all(open);
    const idsOf = (isRunning: boolean) =>
      rows.filter(({ state }) => (state === 'running') === isRunning).map(({ id }) => id);
    return { running: idsOf(true), waiting: idsOf(false) };
  }

  /** @param kinds counts these alone; every kind when left out */
  counts(kinds?: readonly string[]): QueueCounts {
    const counts = Object.fromEntries(taskStates.map((state) => [state, 0])) as Record<TaskState, number>;
    const rows = this.#db.rows<{ state: TaskState; n: number }>(
      `SELECT state, count(*) AS n FROM jobs
      ${kinds === undefined ? '' : 'WHERE kind IN (SELECT value FROM json_each(?))'} GROUP BY state`,
      kinds === undefined ? [] : [JSON.stringify(kinds)],
    );
    for (const { state, n } of rows) counts[state] = n;
    const [recent] = this.#db.rows<{ days: number | null }>(
      `SELECT avg(julianday(finishedAt) - julianday(startedAt)) AS days
      FROM (SELECT startedAt, finishedAt FROM jobs WHERE state = 'done' ORDER BY finishedAt DESC LIMIT 20)`,
    );
    const days = recent?.days ?? null;
    const left = counts.queued + counts.running;
    return {
      ...counts,
      millisecondsLeft: days === null ? null : Math.round(days * 86_400_000 * left),
    };
  }

  #insert(task: NewQueuedTask): number {
    const { kind, contentKey, request, imageId, modelKey, priority = 0 } = task;
    const { lastInsertRowid } = this.#db.run(
      query.insertInto('jobs').values({
        kind,
        contentKey,
        request: JSON.stringify(request),
        imageId,
        modelKey,
        priority,
        maxAttempts: task.maxAttempts ?? defaultMaxAttempts,
        createdAt: this.#now().toISOString(),
      }),
    );
    return Number(lastInsertRowid);
  }

  #requeue(id: number): void {
    this.#db.execute(
      `UPDATE jobs SET state = 'queued', attempts = 0, error = NULL, notBefore = NULL, finishedAt = NULL WHERE id = ?`,
      [id],
    );
  }

  #change(id: number, worker: string, assignments: string, parameters: readonly unknown[]): boolean {
    const { changes } = this.#db.execute(
      `UPDATE jobs SET ${assignments} WHERE id = ? AND state = 'running' AND worker = ?`,
      [...parameters, id, worker],
    );
    return changes === 1;
  }

  #move(ids: readonly number[], from: readonly TaskState[], to: TaskState): number {
    return this.#db.execute(
      `UPDATE jobs SET state = ?, worker = NULL, leaseUntil = NULL,
        finishedAt = CASE ? WHEN 'cancelled' THEN ? ELSE finishedAt END
      WHERE id IN (SELECT value FROM json_each(?)) AND state IN (SELECT value FROM json_each(?))`,
      [to, to, this.#now().toISOString(), JSON.stringify(ids), JSON.stringify(from)],
    ).changes;
  }
}
