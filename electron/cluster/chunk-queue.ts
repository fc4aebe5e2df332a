import { randomUUID } from 'node:crypto';
import type { PoolClient } from 'pg';
import type { Db } from 'pg-boss';
import { z } from 'zod';
import type { Problem } from '../contract/problem.ts';
import { FundusLensError } from '../contract/errors.ts';
import { chunkSchema, queueOf } from './chunk.ts';
import type { Chunk } from './chunk.ts';
import { heartbeatSeconds } from './cluster.ts';
import type { Cluster } from './cluster.ts';

/** A chunk that a host has taken. */
export interface Claim {
  readonly chunk: Chunk;
  readonly queue: string;
  readonly id: string;
  /**
   * The fencing token: it grows with every claim of this chunk, and whoever comes with an older one changes nothing.
   */
  readonly token: number;
}

/** A trace that lies in the storage. */
export interface StoredResult {
  readonly contentKey: string;
  readonly objectSha256: string;
  readonly bytes: number;
  readonly milliseconds: number;
}

export interface FailedTrace {
  readonly contentKey: string;
  readonly problem: Problem;
}

/** What was done of a chunk since it was last told. */
export interface Outcome {
  readonly results: readonly StoredResult[];
  readonly failures: readonly FailedTrace[];
}

export interface NewChunk {
  readonly chunk: Chunk;
  /** What each of its traces is unique by. */
  readonly contentKeys: readonly string[];
}

const queueOptions = {
  heartbeatSeconds,
  /** A host that lives and does not finish; pg-boss allows a day. */
  expireInSeconds: 23 * 3600,
  /** A chunk that ends its host is not tried for ever. */
  retryLimit: 30,
  retryDelay: 1,
  retentionSeconds: 365 * 86_400,
  deleteAfterSeconds: 30 * 86_400,
} as const;

/**
 * The chunks of all experiments: ordered once, taken by one host at a time, ended together with what came of them. A chunk
 * may be computed twice (a host that was believed dead), yet a result is kept once, and the later claim alone may end it.
 */
export class ChunkQueue {
  readonly #cluster: Cluster;

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
  }

  /** The queue of a model has to be there before its chunks. */
  async ensureQueue(modelSha256: string): Promise<void> {
    const { boss } = this.#cluster;
    const name = queueOf(modelSha256);
    if ((await boss.getQueue(name)) === null) await boss.createQueue(name, queueOptions);
  }

  /**
   * Puts chunks into the queue with the keys that they own, all or none. What failed before may be ordered again.
   *
   * @returns false, with nothing added, when another has ordered one of the traces meanwhile
   */
  async add(chunks: readonly NewChunk[]): Promise<boolean> {
    if (chunks.length === 0) return true;
    const jobs = chunks.map((each) => ({ ...each, id: randomUUID() }));
    return this.#orRolledBack(async (client, db, giveUp) => {
      await client.query(
        `INSERT INTO fundus_lens.chunks (id, plan_sha256, model_sha256, traces)
        SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::int[])`,
        [
          jobs.map(({ id }) => id),
          jobs.map(({ chunk }) => chunk.planSha256),
          jobs.map(({ chunk }) => chunk.modelSha256),
          jobs.map(({ contentKeys }) => contentKeys.length),
        ],
      );
      const keys = jobs.flatMap(({ contentKeys }) => contentKeys);
      const owned = await client.query(
        `INSERT INTO fundus_lens.cells AS known (content_key, chunk_id)
        SELECT decode(key, 'hex'), id FROM unnest($1::text[], $2::uuid[]) AS ordered (key, id)
        ON CONFLICT (content_key) DO UPDATE SET chunk_id = excluded.chunk_id
        WHERE EXISTS (SELECT FROM fundus_lens.failures WHERE failures.content_key = known.content_key)`,
        [keys, jobs.flatMap(({ contentKeys, id }) => contentKeys.map(() => id))],
      );
      if (owned.rowCount !== keys.length) giveUp();
      await client.query(
        `WITH gone AS (
          DELETE FROM fundus_lens.failures
          USING unnest($1::text[]) AS ordered (key) WHERE content_key = decode(key, 'hex')
          RETURNING failures.chunk_id
        ), counted AS (SELECT chunk_id, count(*)::int AS n FROM gone GROUP BY chunk_id)
        UPDATE fundus_lens.chunks SET failed = failed - n, traces = traces - n
        FROM counted WHERE chunks.id = counted.chunk_id`,
        [keys],
      );
      for (const [queue, ofModel] of Map.groupBy(jobs, ({ chunk }) => queueOf(chunk.modelSha256)))
        await this.#cluster.boss.insert(
          queue,
          ofModel.map(({ id, chunk }) => ({ id, data: chunk })),
          { db },
        );
    });
  }

  /**
   * Takes the next chunk for one of the models; undefined when there is none.
   *
   * @throws FundusLensError `input.invalid` for a chunk that only another version knows; it is given back
   */
  async claim(models: readonly string[]): Promise<Claim | undefined> {
    const { boss } = this.#cluster;
    if (models.length === 0) return undefined;
    const queues = await boss.getQueues(models.map(queueOf));
    for (const { name: queue } of queues) {
      const [job] = await boss.fetch<unknown>(queue, {});
      if (job === undefined) continue;
      const { id, retryCount } = job as typeof job & { retryCount: number };
      const chunk = chunkSchema.safeParse(job.data);
      if (chunk.success) return { chunk: chunk.data, queue, id, token: retryCount };
      const claim = { queue, id, token: retryCount };
      const error = new FundusLensError('input.invalid', 'This version does not know such chunks.', {
        expected: 'fundus-lens.chunk/1',
        advice: 'Run workers of the version that ordered them.',
      });
      await this.fail(claim, { code: error.code, summary: error.summary });
      throw error;
    }
    return undefined;
  }

  /** @returns false when the chunk is no longer ours: another host has it, or it was cancelled */
  async beat({ queue, id, token }: Pick<Claim, 'queue' | 'id' | 'token'>): Promise<boolean> {
    return isOurs(await this.#cluster.boss.touch(queue, { id, retryCount: token }));
  }

  /** Keeps what was done so far; the chunk stays ours. @returns false, with nothing kept, when it is no longer ours */
  keep(claim: Claim, worker: string, outcome: Outcome): Promise<boolean> {
    return this.#settle(claim, worker, outcome, (db) =>
      this.#cluster.boss.touch(claim.queue, { id: claim.id, retryCount: claim.token }, { db }),
    );
  }

  /** Keeps the rest and ends the chunk, both or neither. @returns false, with nothing kept, when it is no longer ours */
  finish(claim: Claim, worker: string, outcome: Outcome): Promise<boolean> {
    return this.#settle(
      claim,
      worker,
      outcome,
      (db) =>
        this.#cluster.boss.complete(claim.queue, { id: claim.id, retryCount: claim.token }, null, { db }),
      true,
    );
  }

  /** Gives the chunk back for another host, with why. */
  async fail({ queue, id, token }: Pick<Claim, 'queue' | 'id' | 'token'>, problem: Problem): Promise<void> {
    await this.#cluster.boss.fail(queue, { id, retryCount: token }, problem);
  }

  async #settle(
    claim: Claim,
    worker: string,
    { results, failures }: Outcome,
    settle: (db: Db) => Promise<unknown>,
    isEnd = false,
  ): Promise<boolean> {
    return this.#orRolledBack(async (client, db, giveUp) => {
      // First, so that the row is locked: a later claim waits for us, and of an earlier one nothing is kept.
      if (!isOurs(await settle(db))) giveUp();
      const done = await insertResults(client, claim.id, worker, results);
      const failed = await insertFailures(client, claim.id, worker, failures);
      await client.query(
        `UPDATE fundus_lens.chunks SET done = done + $2, failed = failed + $3, milliseconds = milliseconds + $4,
          finished_at = CASE WHEN $5 THEN now() END WHERE id = $1`,
        [claim.id, done.count, failed, done.milliseconds, isEnd],
      );
    });
  }

  /** @returns false when the work gave up, with nothing of it kept */
  async #orRolledBack(
    work: (client: PoolClient, db: Db, giveUp: () => never) => Promise<void>,
  ): Promise<boolean> {
    const gaveUp = new Error('given up');
    const giveUp = () => {
      throw gaveUp;
    };
    try {
      await this.#cluster.transaction((client, db) => work(client, db, giveUp));
      return true;
    } catch (error) {
      if (error === gaveUp) return false;
      throw error;
    }
  }
}

/** What pg-boss answers of one job; its types leave the count out. */
const settledSchema = z.object({ affected: z.number() });

function isOurs(answer: unknown): boolean {
  return settledSchema.parse(answer).affected === 1;
}

/** @returns of those that were not there yet */
async function insertResults(
  client: PoolClient,
  chunk: string,
  worker: string,
  results: readonly StoredResult[],
): Promise<{ count: number; milliseconds: number }> {
  if (results.length === 0) return { count: 0, milliseconds: 0 };
  const { rows } = await client.query<{ milliseconds: number }>(
    `INSERT INTO fundus_lens.results (content_key, object_sha256, bytes, chunk_id, worker_id, milliseconds)
    SELECT decode(key, 'hex'), decode(object, 'hex'), bytes, $1, $2, milliseconds
    FROM unnest($3::text[], $4::text[], $5::int[], $6::int[]) AS done (key, object, bytes, milliseconds)
    ON CONFLICT (content_key) DO NOTHING RETURNING milliseconds`,
    [
      chunk,
      worker,
      results.map(({ contentKey }) => contentKey),
      results.map(({ objectSha256 }) => objectSha256),
      results.map(({ bytes }) => bytes),
      results.map(({ milliseconds }) => Math.round(milliseconds)),
    ],
  );
  return { count: rows.length, milliseconds: rows.reduce((sum, { milliseconds }) => sum + milliseconds, 0) };
}

/** @returns how many were not there yet */
async function insertFailures(
  client: PoolClient,
  chunk: string,
  worker: string,
  failures: readonly FailedTrace[],
): Promise<number> {
  if (failures.length === 0) return 0;
  const { rowCount } = await client.query(
    `INSERT INTO fundus_lens.failures (content_key, chunk_id, worker_id, code, problem)
    SELECT decode(key, 'hex'), $1, $2, code, problem
    FROM unnest($3::text[], $4::text[], $5::jsonb[]) AS failed (key, code, problem)
    ON CONFLICT (content_key) DO NOTHING`,
    [
      chunk,
      worker,
      failures.map(({ contentKey }) => contentKey),
      failures.map(({ problem }) => problem.code),
      failures.map(({ problem }) => JSON.stringify(problem)),
    ],
  );
  return rowCount ?? 0;
}
