import { z } from 'zod';
import { problemSchema } from '../contract/problem.ts';
import type { Problem } from '../contract/problem.ts';
import type { Cluster } from './cluster.ts';

/** What the cluster has of a trace that was ordered. */
export type CellState =
  | { readonly state: 'done'; readonly objectSha256: string }
  | { readonly state: 'failed'; readonly problem: Problem }
  | { readonly state: 'waiting' };

const rowSchema = z.object({
  key: z.string(),
  object: z.string().nullable(),
  problem: problemSchema.nullable(),
});

/** Keys looked up in one statement. */
const batch = 10_000;

/** @returns by content key; what was never ordered is not in it */
export async function lookUp(
  { pool }: Cluster,
  contentKeys: readonly string[],
): Promise<Map<string, CellState>> {
  const found = new Map<string, CellState>();
  for (let start = 0; start < contentKeys.length; start += batch) {
    const { rows } = await pool.query(
      `SELECT encode(cells.content_key, 'hex') AS key, encode(object_sha256, 'hex') AS object, problem
      FROM unnest($1::text[]) AS asked (key)
      JOIN fundus_lens.cells ON cells.content_key = decode(asked.key, 'hex')
      LEFT JOIN fundus_lens.results USING (content_key)
      LEFT JOIN fundus_lens.failures USING (content_key)`,
      [contentKeys.slice(start, start + batch)],
    );
    for (const { key, object, problem } of z.array(rowSchema).parse(rows))
      found.set(key, stateOf(object, problem));
  }
  return found;
}

/** Of these keys, the ones whose trace is there. */
export async function findDone({ pool }: Cluster, contentKeys: readonly string[]): Promise<Set<string>> {
  const { rows } = await pool.query<{ key: string }>(
    `SELECT asked.key FROM unnest($1::text[]) AS asked (key)
    JOIN fundus_lens.results ON content_key = decode(asked.key, 'hex')`,
    [contentKeys],
  );
  return new Set(rows.map(({ key }) => key));
}

/** What a trace of this model took lately, milliseconds; null when nothing was measured. */
export async function measuredMilliseconds({ pool }: Cluster, modelSha256: string): Promise<number | null> {
  const { rows } = await pool.query<{ milliseconds: number | null }>(
    `SELECT (sum(milliseconds) / sum(done))::float8 AS milliseconds FROM (
      SELECT milliseconds, done FROM fundus_lens.chunks
      WHERE model_sha256 = $1 AND done > 0 ORDER BY created_at DESC LIMIT 16
    ) AS lately`,
    [modelSha256],
  );
  return rows[0]?.milliseconds ?? null;
}

function stateOf(object: string | null, problem: Problem | null): CellState {
  if (object !== null) return { state: 'done', objectSha256: object };
  return problem === null ? { state: 'waiting' } : { state: 'failed', problem };
}
