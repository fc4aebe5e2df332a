import { FundusLensError } from '../contract/errors.ts';
import { queueOf } from './chunk.ts';
import type { Cluster } from './cluster.ts';

/** Lets hosts take again what they gave up. @returns how many chunks */
export async function retryGivenUp({ pool, boss }: Cluster): Promise<number> {
  const { rows } = await pool.query<{ name: string; ids: string[] }>(
    `SELECT name, array_agg(id::text) AS ids FROM fundus_lens_queue.job WHERE state = 'failed' GROUP BY name`,
  );
  for (const { name, ids } of rows) await boss.retry(name, ids);
  return rows.reduce((sum, { ids }) => sum + ids.length, 0);
}

/**
 * Takes what was not computed of an experiment out of the queue; hosts that have a chunk of it stop. What was computed
 * stays, and the rest may be ordered again.
 *
 * @param plan SHA-256 of its plan, or the beginning of it
 * @returns traces that will not be computed
 * @throws FundusLensError `input.invalid` unless exactly one order begins so
 */
export async function cancelOrder(cluster: Cluster, plan: string): Promise<number> {
  const { rows: plans } = await cluster.pool.query<{ plan: string }>(
    'SELECT DISTINCT plan_sha256 AS plan FROM fundus_lens.chunks WHERE starts_with(plan_sha256, $1)',
    [plan],
  );
  const [only, ...others] = plans;
  if (only === undefined || others.length > 0)
    throw new FundusLensError('input.invalid', 'This is not the plan of one experiment.', {
      expected: 'the SHA-256 of a plan, or enough of its beginning',
      found: only === undefined ? `no order that begins with ${plan}` : `${plans.length} of them`,
      advice: '`fundus-lens cluster status` lists the orders.',
    });
  return cluster.transaction(async (client, db) => {
    const { rows: chunks } = await client.query<{ id: string; model: string; left: number }>(
      `UPDATE fundus_lens.chunks SET finished_at = now(), traces = done + failed FROM (
        SELECT id AS open, traces - done - failed AS rest FROM fundus_lens.chunks
        WHERE plan_sha256 = $1 AND finished_at IS NULL FOR UPDATE
      ) AS before WHERE id = open RETURNING id, model_sha256 AS model, rest AS left`,
      [only.plan],
    );
    const ids = chunks.map(({ id }) => id);
    for (const [model, ofModel] of Map.groupBy(chunks, (chunk) => chunk.model))
      await cluster.boss.cancel(
        queueOf(model),
        ofModel.map(({ id }) => id),
        { db },
      );
    await client.query(
      `DELETE FROM fundus_lens.cells WHERE chunk_id = ANY ($1::uuid[])
        AND NOT EXISTS (SELECT FROM fundus_lens.results WHERE results.content_key = cells.content_key)
        AND NOT EXISTS (SELECT FROM fundus_lens.failures WHERE failures.content_key = cells.content_key)`,
      [ids],
    );
    return chunks.reduce((sum, { left }) => sum + left, 0);
  });
}
