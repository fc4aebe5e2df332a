import { z } from 'zod';
import type { Cluster } from './cluster.ts';

const count = z.coerce.number();

const orderSchema = z.object({
  /** Experiment and model. */
  planSha256: z.string(),
  modelSha256: z.string(),
  chunks: count,
  openChunks: count,
  traces: count,
  done: count,
  failed: count,
});

const workerSchema = z.object({
  id: z.string(),
  host: z.string(),
  pid: z.number(),
  version: z.string(),
  device: z.string(),
  models: z.array(z.string()),
  /** Seconds since its last sign of life. */
  silentSeconds: z.number(),
  state: z.enum(['working', 'silent', 'ended']),
  /** In the last minutes of {@link statusWindowMinutes}. */
  recentTraces: count,
  /** What a trace took, milliseconds; null without any. */
  recentMilliseconds: z.number().nullable(),
});

const failureSchema = z.object({ code: z.string(), traces: count, summary: z.string() });

const chunkCountsSchema = z.object({ waiting: count, taken: count, givenUp: count });

/** What a cluster does now. */
export interface ClusterStatus {
  /** Newest first. */
  readonly orders: readonly z.output<typeof orderSchema>[];
  /** Those that were seen within a day, the last seen first. */
  readonly workers: readonly z.output<typeof workerSchema>[];
  /** Traces that failed by what was wrong, most first. */
  readonly failures: readonly z.output<typeof failureSchema>[];
  /** `givenUp`: taken as often as allowed, without an end. */
  readonly chunks: z.output<typeof chunkCountsSchema>;
  readonly traces: { readonly ordered: number; readonly done: number; readonly failed: number };
  /** Over the last minutes. */
  readonly tracesPerHour: number;
  /** null when nothing was computed lately. */
  readonly secondsLeft: number | null;
}

/** What "recent" means. */
export const statusWindowMinutes = 10;
/** A worker that says nothing for so long is called silent, seconds. */
const silence = 60;

/** Reads sums only: chunks are few, and of the results those of the last minutes. */
export async function readStatus(cluster: Cluster): Promise<ClusterStatus> {
  const { pool } = cluster;
  const [orders, workers, failures, chunks] = await Promise.all([
    pool.query(`SELECT plan_sha256 AS "planSha256", model_sha256 AS "modelSha256", count(*) AS chunks,
        count(*) FILTER (WHERE finished_at IS NULL) AS "openChunks",
        sum(traces) AS traces, sum(done) AS done, sum(failed) AS failed
      FROM fundus_lens.chunks GROUP BY plan_sha256, model_sha256 ORDER BY max(created_at) DESC`),
    pool.query(
      `SELECT workers.id, host, pid, version, device, models,
        extract(epoch FROM now() - seen_at)::float8 AS "silentSeconds",
        CASE WHEN stopped_at IS NOT NULL THEN 'ended'
          WHEN seen_at < now() - make_interval(secs => $2) THEN 'silent' ELSE 'working' END AS state,
        coalesce(recent.traces, 0) AS "recentTraces", recent.milliseconds AS "recentMilliseconds"
      FROM fundus_lens.workers LEFT JOIN (
        SELECT worker_id, count(*) AS traces, avg(milliseconds)::float8 AS milliseconds FROM fundus_lens.results
        WHERE stored_at > now() - make_interval(mins => $1) GROUP BY worker_id
      ) AS recent ON recent.worker_id = workers.id
      WHERE seen_at > now() - interval '1 day' ORDER BY seen_at DESC LIMIT 1000`,
      [statusWindowMinutes, silence],
    ),
    pool.query(`SELECT code, count(*) AS traces, min(problem ->> 'summary') AS summary
      FROM fundus_lens.failures GROUP BY code ORDER BY traces DESC`),
    pool.query(`SELECT count(*) FILTER (WHERE state < 'active') AS waiting,
        count(*) FILTER (WHERE state = 'active') AS taken, count(*) FILTER (WHERE state = 'failed') AS "givenUp"
      FROM fundus_lens_queue.job WHERE state IN ('created', 'retry', 'active', 'failed')`),
  ]);
  const listed = z.array(orderSchema).parse(orders.rows);
  const sum = (key: 'traces' | 'done' | 'failed') => listed.reduce((total, order) => total + order[key], 0);
  const seen = z.array(workerSchema).parse(workers.rows);
  const recent = seen.reduce((total, { recentTraces }) => total + recentTraces, 0);
  const tracesPerHour = recent * (60 / statusWindowMinutes);
  const left = sum('traces') - sum('done') - sum('failed');
  return {
    orders: listed,
    workers: seen,
    failures: z.array(failureSchema).parse(failures.rows),
    chunks: chunkCountsSchema.parse(chunks.rows[0]),
    traces: { ordered: sum('traces'), done: sum('done'), failed: sum('failed') },
    tracesPerHour,
    secondsLeft: left === 0 ? 0 : tracesPerHour === 0 ? null : Math.round((left / tracesPerHour) * 3600),
  };
}
