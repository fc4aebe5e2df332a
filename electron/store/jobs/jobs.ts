import { jobStates } from '../../contract/jobs.ts';
import type { Job, JobCounts, JobError, JobState, NewJob } from '../../contract/jobs.ts';
import { found, query } from '../database/database.ts';
import type { Database } from '../database/database.ts';
import { lostItsTrace, toJob } from './job-row.ts';

export interface EnqueueResult {
  readonly added: number[];
  /** Jobs that were queued, running or done already; a done one is not run again. */
  readonly existing: number[];
  /** Failed or cancelled ones that wait for another try now. */
  readonly requeued: number[];
}

export interface JobClaim {
  /** Who will run it; unique to the process, so that a dead worker can be told from a living one. */
  readonly worker: string;
  /** Taken first among jobs of equal priority, because its engine is warm. */
  readonly modelKey?: string;
  readonly leaseMilliseconds?: number;
}

const defaultLease = 60_000;
const defaultMaxAttempts = 3;

/**
 * The queue, safe for any number of processes: a job is claimed, renewed and ended by single statements, and one that
 * is done never runs again.
 */
export class Jobs {
  readonly #db: Database;
  readonly #now: () => Date;

  constructor(db: Database, now: () => Date) {
    this.#db = db;
    this.#now = now;
  }

  enqueue(jobs: readonly NewJob[]): EnqueueResult {
    return this.#db.transaction(() => {
      const result: EnqueueResult = { added: [], existing: [], requeued: [] };
      for (const job of jobs) {
        const known = this.#db.get(
          query
            .selectFrom('jobs')
            .select(['id', 'state', 'traceId'])
            .where('contentKey', '=', job.contentKey),
        );
        if (known === undefined) {
          result.added.push(this.#insert(job));
        } else if (known.state === 'failed' || known.state === 'cancelled' || lostItsTrace(job.kind, known)) {
          this.#requeue(known.id);
          result.requeued.push(known.id);
        } else {
          result.existing.push(known.id);
        }
      }
      return result;
    });
  }

  /** Takes the next job that is due, or undefined when there is none or the queue is paused. */
  claim({ worker, modelKey = '', leaseMilliseconds = defaultLease }: JobClaim): Job | undefined {
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

  /** @returns false when the job is no longer this worker's: cancelled, or given to another after a lost lease */
  renew(id: number, worker: string, leaseMilliseconds = defaultLease): boolean {
    const lease = new Date(this.#now().getTime() + leaseMilliseconds).toISOString();
    return this.#change(id, worker, 'leaseUntil = ?', [lease]);
  }

  /**
   * Stores a job's result and marks it done, both or neither.
   *
   * @param store writes the result and returns its trace id, or null for a job without a trace
   * @returns false, with nothing stored, when the job is no longer this worker's
   */
  finish(id: number, worker: string, store: () => number | null): boolean {
    return this.#db.transaction(() => {
      const job = this.get(id);
      if (job.state !== 'running' || job.worker !== worker) return false;
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
    error: JobError,
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

  /** Gives a job back unharmed, as when the app closes; the attempt does not count. */
  release(id: number, worker: string): boolean {
    return this.#change(
      id,
      worker,
      `state = 'queued', attempts = max(0, attempts - 1), worker = NULL, leaseUntil = NULL`,
      [],
    );
  }

  /**
   * Puts back what dead workers left running; an attempt that ended so counts, lest a job that kills its engine run for
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
          summary: 'The program ended while the job ran.',
        } satisfies JobError;
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

  /** A running job's worker learns of it when it next renews or ends. */
  cancel(ids: readonly number[]): number {
    return this.#move(ids, ['queued', 'paused', 'running'], 'cancelled');
  }

  retry(ids: readonly number[]): number {
    return this.#db.transaction(() => {
      let changed = 0;
      for (const id of ids) {
        const { state } = this.get(id);
        if (state !== 'failed' && state !== 'cancelled') continue;
        this.#requeue(id);
        changed++;
      }
      return changed;
    });
  }

  setPriority(ids: readonly number[], priority: number): void {
    this.#db.execute(
      `UPDATE jobs SET priority = ? WHERE state IN ('queued', 'paused')
        AND id IN (SELECT value FROM json_each(?))`,
      [priority, JSON.stringify(ids)],
    );
  }

  /** Stops further claims, also after a restart; running jobs go on. */
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

  get(id: number): Job {
    return toJob(found(this.#db.get(query.selectFrom('jobs').selectAll().where('id', '=', id)), 'such job'));
  }

  /** Newest first. */
  list({ state, limit, beforeId }: { state?: JobState; limit: number; beforeId?: number }): Job[] {
    let rows = query.selectFrom('jobs').selectAll().orderBy('id', 'desc').limit(limit);
    if (state !== undefined) rows = rows.where('state', '=', state);
    if (beforeId !== undefined) rows = rows.where('id', '<', beforeId);
    return this.#db.all(rows).map(toJob);
  }

  /** Queued jobs of a model in the order in which they will be claimed. */
  next(modelKey: string, limit: number): Job[] {
    const rows = query
      .selectFrom('jobs')
      .selectAll()
      .where('state', '=', 'queued')
      .where('modelKey', '=', modelKey)
      .orderBy('priority', 'desc')
      .orderBy('id')
      .limit(limit);
    return this.#db.all(rows).map(toJob);
  }

  /** Jobs of a model that are not over. */
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

  /** @param concurrency how many jobs run at a time */
  counts(concurrency = 1): JobCounts {
    const counts = Object.fromEntries(jobStates.map((state) => [state, 0])) as Record<JobState, number>;
    const rows = this.#db.rows<{ state: JobState; n: number }>(
      'SELECT state, count(*) AS n FROM jobs GROUP BY state',
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
      millisecondsLeft: days === null ? null : Math.round((days * 86_400_000 * left) / concurrency),
    };
  }

  #insert(job: NewJob): number {
    const { kind, contentKey, request, imageId, modelKey, priority = 0 } = job;
    const { lastInsertRowid } = this.#db.run(
      query.insertInto('jobs').values({
        kind,
        contentKey,
        request: JSON.stringify(request),
        imageId,
        modelKey,
        priority,
        maxAttempts: job.maxAttempts ?? defaultMaxAttempts,
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

  #move(ids: readonly number[], from: readonly JobState[], to: JobState): number {
    return this.#db.execute(
      `UPDATE jobs SET state = ?, worker = NULL, leaseUntil = NULL,
        finishedAt = CASE ? WHEN 'cancelled' THEN ? ELSE finishedAt END
      WHERE id IN (SELECT value FROM json_each(?)) AND state IN (SELECT value FROM json_each(?))`,
      [to, to, this.#now().toISOString(), JSON.stringify(ids), JSON.stringify(from)],
    ).changes;
  }
}
