import { afterAll, beforeAll, expect, test } from 'vitest';
import { ChunkQueue } from './chunk-queue.ts';
import { openCluster, prepareCluster } from './cluster.ts';
import type { Cluster } from './cluster.ts';
import { writeMetrics } from './metrics.ts';
import { cancelOrder, retryGivenUp } from './operations.ts';
import { lookUp } from './results.ts';
import { readStatus } from './status.ts';
import { chunkOf, resultOf, sha256Of } from './testing/chunks.ts';
import { PostgresServer } from './testing/postgres.ts';
import { WorkerEntry } from './workers.ts';

let server: PostgresServer;
const open: Cluster[] = [];
const errors: unknown[] = [];
let [owner, host, desk, reader]: Cluster[] = [];
const model = sha256Of('model');

async function connect(role: string, supervise = false): Promise<Cluster> {
  const cluster = await openCluster(server.url(role), {
    supervise,
    superviseSeconds: 1,
    onError: (error) => errors.push(error),
  });
  open.push(cluster);
  return cluster;
}

beforeAll(async () => {
  server = await PostgresServer.create(['fsync=off']);
  expect(await prepareCluster(server.url())).toBe(true);
  owner = await connect('owner');
  for (const role of ['worker', 'desk', 'reader'])
    await owner.pool.query(`CREATE ROLE my_${role} LOGIN IN ROLE fundus_lens_${role}`);
  await owner.pool.query('CREATE ROLE stranger LOGIN');
  host = await connect('my_worker', true);
  desk = await connect('my_desk');
  reader = await connect('my_reader');
});
afterAll(async () => {
  for (const cluster of open) await cluster.close();
  await server.remove();
});

test('each role can do its work and no more', async () => {
  const [orders, takes] = [new ChunkQueue(desk!), new ChunkQueue(host!)];
  await orders.ensureQueue(model);
  expect(await orders.add([chunkOf('a', ['a', 'b', 'c']), chunkOf('d', ['d'])])).toBe(true);
  const entry = new WorkerEntry(host!);
  await entry.announce({ host: 'gpu-1', version: '0', device: 'cuda "0"', models: [model] });
  const claim = (await takes.claim([model]))!;
  expect(await takes.beat(claim)).toBe(true);
  expect(await takes.keep(claim, entry.id, { results: [resultOf('a')], failures: [] })).toBe(true);
  const failures = [
    { contentKey: sha256Of('b'), problem: { code: 'image.unreadable', summary: 'no image' } as const },
  ];
  expect(await takes.finish(claim, entry.id, { results: [resultOf('c')], failures })).toBe(true);
  const second = (await takes.claim([model]))!;
  await takes.fail(second, { code: 'model.too-large', summary: 'does not fit' });
  // pg-boss's own looks for dead hosts, by the role of a host.
  await host!.boss.supervise();

  const refused = { code: '42501' };
  for (const statement of [
    'DELETE FROM fundus_lens.results',
    `UPDATE fundus_lens.results SET object_sha256 = decode(repeat('00', 32), 'hex')`,
    'INSERT INTO fundus_lens.cells SELECT * FROM fundus_lens.cells',
    'UPDATE fundus_lens.chunks SET traces = 0',
    'CREATE TABLE fundus_lens.mine (x int)',
    'DROP TABLE fundus_lens.results',
  ])
    await expect(host!.pool.query(statement), statement).rejects.toMatchObject(refused);
  for (const statement of [
    'DELETE FROM fundus_lens.results',
    'INSERT INTO fundus_lens.results SELECT * FROM fundus_lens.results',
    'DELETE FROM fundus_lens_queue.job',
  ])
    await expect(desk!.pool.query(statement), statement).rejects.toMatchObject(refused);
  await expect(reader!.pool.query('DELETE FROM fundus_lens.failures')).rejects.toMatchObject(refused);
  await expect(openCluster(server.url('stranger'))).rejects.toMatchObject({ code: 'cluster.unreachable' });
  expect(errors).toEqual([]);
});

test('the status tells who works, what is left and what failed; the same for Prometheus', async () => {
  const status = await readStatus(reader!);
  expect(status).toMatchObject({
    traces: { ordered: 4, done: 2, failed: 1 },
    chunks: { waiting: 1, taken: 0, givenUp: 0 },
    failures: [{ code: 'image.unreadable', traces: 1, summary: 'no image' }],
    workers: [{ host: 'gpu-1', state: 'working', recentTraces: 2, recentMilliseconds: 40 }],
    orders: [{ planSha256: sha256Of('plan'), traces: 4, done: 2, failed: 1, chunks: 2, openChunks: 1 }],
    tracesPerHour: 12,
    secondsLeft: 300,
  });
  const metrics = writeMetrics({
    ...status,
    workers: status.workers.map((worker) => ({ ...worker, host: 'a "b"\\', pid: 7 })),
  });
  expect(metrics).toContain('fundus_lens_traces{state="waiting"} 1\n');
  expect(metrics).toContain('fundus_lens_failed_traces{code="image.unreadable"} 1\n');
  expect(metrics).toContain('fundus_lens_worker_traces_recent{host="a \\"b\\"\\\\",pid="7"} 2\n');
  for (const line of metrics.trimEnd().split('\n'))
    expect(line).toMatch(/^(# (HELP|TYPE) fundus_lens_\w+ .+|fundus_lens_\w+(\{.+\})? \d+(\.\d+)?)$/);
});

test('what was given up is taken again after a retry', async () => {
  const takes = new ChunkQueue(host!);
  await owner!.pool.query(`UPDATE fundus_lens_queue.job SET retry_limit = retry_count WHERE state = 'retry'`);
  await expect.poll(() => takes.claim([model]), { timeout: 5000 }).toBeTruthy();
  await owner!.pool.query(
    `UPDATE fundus_lens_queue.job SET retry_limit = retry_count WHERE state = 'active'`,
  );
  const { rows } = await owner!.pool.query<{ id: string; token: number }>(
    `SELECT id, retry_count AS token FROM fundus_lens_queue.job WHERE state = 'active'`,
  );
  const claim = { ...rows[0]!, queue: `trace.${model}` };
  await takes.fail(claim, { code: 'engine.killed', summary: 'again' });
  expect((await readStatus(reader!)).chunks).toEqual({ waiting: 0, taken: 0, givenUp: 1 });
  expect(await retryGivenUp(desk!)).toBe(1);
  const next = (await takes.claim([model]))!;
  expect(next.token).toBeGreaterThan(claim.token);
  await takes.finish(next, sha256Of('w').slice(0, 32), { results: [resultOf('d')], failures: [] });
});

test('a cancelled order leaves what was computed, stops hosts, and may be ordered again', async () => {
  const [orders, takes] = [new ChunkQueue(desk!), new ChunkQueue(host!)];
  const named = { plan: 'other plan' };
  await orders.add([chunkOf('e', ['e', 'f'], named), chunkOf('g', ['g'], named)]);
  const claim = (await takes.claim([model]))!;
  const worker = '00000000-0000-4000-8000-000000000001';
  const [first] = claim.chunk.photographs.length === 2 ? ['e'] : ['g'];
  expect(await takes.keep(claim, worker, { results: [resultOf(first)], failures: [] })).toBe(true);
  await expect(cancelOrder(desk!, 'nothing')).rejects.toMatchObject({ code: 'input.invalid' });
  await expect(cancelOrder(desk!, '')).rejects.toMatchObject({ code: 'input.invalid' });
  expect(await cancelOrder(desk!, sha256Of('other plan').slice(0, 12))).toBe(2);
  expect(await takes.beat(claim)).toBe(false);
  expect(await takes.finish(claim, worker, { results: [resultOf('f')], failures: [] })).toBe(false);
  expect(await takes.claim([model])).toBeUndefined();
  const cells = await lookUp(desk!, ['e', 'f', 'g'].map(sha256Of));
  expect([...cells.values()].map(({ state }) => state)).toEqual(['done']);
  expect(await orders.add([chunkOf('f', ['f'], named)])).toBe(true);
  expect((await readStatus(reader!)).traces).toEqual({ ordered: 6, done: 4, failed: 1 });
});
