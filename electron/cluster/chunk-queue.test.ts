import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { chunkOf, resultOf, sha256Of } from './testing/chunks.ts';
import { PostgresServer } from './testing/postgres.ts';
import { chooseChunkSize } from './chunk.ts';
import { ChunkQueue } from './chunk-queue.ts';
import { heartbeatSeconds, openCluster, prepareCluster } from './cluster.ts';
import type { Cluster } from './cluster.ts';
import { lookUp, findDone, measuredMilliseconds } from './results.ts';
import { WorkerEntry } from './workers.ts';

let server: PostgresServer;
let cluster: Cluster;
let queue: ChunkQueue;
const sha256 = sha256Of;
const model = sha256('model');
const worker = '00000000-0000-4000-8000-000000000001';

beforeAll(async () => {
  server = await PostgresServer.create(['fsync=off']);
});
afterAll(async () => {
  await cluster.close();
  await server.remove();
});

const newChunk = (name: string, ...keys: string[]) => chunkOf(name, keys);
const done = resultOf;

test('a database without tables, and one that is not there, are told with what to do and without the password', async () => {
  await expect(openCluster(server.url())).rejects.toMatchObject({ code: 'cluster.not-prepared' });
  const away = `postgres://someone:geheim@127.0.0.1:${server.port}/nowhere`;
  const refused = await openCluster(away).catch((error: unknown) => error as Error);
  expect(refused).toMatchObject({ code: 'cluster.unreachable' });
  expect((refused as Error).message).toContain('someone@127.0.0.1');
  expect((refused as Error).message).not.toContain('geheim');
  await prepareCluster(server.url());
  await prepareCluster(server.url());
  cluster = await openCluster(server.url());
  queue = new ChunkQueue(cluster);
  await queue.ensureQueue(model);
  await queue.ensureQueue(model);
});

test('a trace belongs to one chunk, whoever orders it', async () => {
  expect(await queue.add([newChunk('first', 'a', 'b'), newChunk('first', 'c')])).toBe(true);
  expect(await queue.add([newChunk('second', 'd', 'a')])).toBe(false);
  const cells = await lookUp(cluster, ['a', 'b', 'c', 'd'].map(sha256));
  expect([...cells.values()].map(({ state }) => state)).toEqual(['waiting', 'waiting', 'waiting']);
  expect(cells.has(sha256('d'))).toBe(false);
});

test('of a chunk that was given to another host nothing of the first one is kept', async () => {
  expect(await queue.claim([sha256('another model')])).toBeUndefined();
  const first = (await queue.claim([model]))!;
  expect(first.chunk.photographs).toHaveLength(2);
  expect(await queue.keep(first, worker, { results: [done('a')], failures: [] })).toBe(true);
  await queue.fail(first, { code: 'engine.killed', summary: 'as when a host dies' });
  expect(await queue.beat(first)).toBe(false);
  let second = await queue.claim([model]);
  while (second?.id !== first.id) {
    if (second !== undefined) await queue.finish(second, worker, { results: [done('c')], failures: [] });
    await new Promise((resolve) => setTimeout(resolve, 100));
    second = await queue.claim([model]);
  }
  expect(second.token).toBeGreaterThan(first.token);
  expect(await queue.finish(first, worker, { results: [done('b', 'stale')], failures: [] })).toBe(false);
  expect([...(await findDone(cluster, ['a', 'b', 'c'].map(sha256)))].sort()).toEqual(
    ['a', 'c'].map(sha256).sort(),
  );
  // The first result of a key stays, whatever is brought later.
  const again = { results: [done('a', 'another'), done('b')], failures: [] };
  expect(await queue.finish(second, worker, again)).toBe(true);
  expect(await queue.finish(second, worker, again)).toBe(false);
  const cells = await lookUp(cluster, ['a', 'b', 'c'].map(sha256));
  for (const key of ['a', 'b', 'c'])
    expect(cells.get(sha256(key))).toEqual({ state: 'done', objectSha256: sha256('trace') });
  const { rows } = await cluster.pool.query(
    'SELECT sum(traces)::int AS traces, sum(done)::int AS done, count(finished_at)::int AS finished FROM fundus_lens.chunks',
  );
  expect(rows).toEqual([{ traces: 3, done: 3, finished: 2 }]);
  expect(await measuredMilliseconds(cluster, model)).toBe(40);
});

test('what a silent host holds comes back, and its beats no longer count', async () => {
  await queue.add([newChunk('silent', 'f')]);
  const silent = (await queue.claim([model]))!;
  expect(await queue.beat(silent)).toBe(true);
  await cluster.pool.query(
    `UPDATE fundus_lens_queue.job SET heartbeat_on = now() - interval '${heartbeatSeconds + 1} seconds' WHERE id = $1`,
    [silent.id],
  );
  await cluster.boss.supervise(silent.queue);
  expect(await queue.beat(silent)).toBe(false);
  const next = await vi.waitUntil(() => queue.claim([model]), { timeout: 5000, interval: 100 });
  expect(next).toMatchObject({ id: silent.id, token: silent.token + 1 });
  expect(await queue.keep(silent, worker, { results: [done('f')], failures: [] })).toBe(false);
  expect(await queue.finish(next, worker, { results: [done('f')], failures: [] })).toBe(true);
});

test('what failed is told with its problem, and may be ordered again', async () => {
  await queue.add([newChunk('bad', 'e')]);
  const claim = (await queue.claim([model]))!;
  const problem = { code: 'image.unreadable', summary: 'no image' } as const;
  const failures = [{ contentKey: sha256('e'), problem }];
  expect(await queue.finish(claim, worker, { results: [], failures })).toBe(true);
  expect((await lookUp(cluster, [sha256('e')])).get(sha256('e'))).toEqual({ state: 'failed', problem });
  expect(await queue.add([newChunk('bad again', 'e')])).toBe(true);
  expect((await lookUp(cluster, [sha256('e')])).get(sha256('e'))).toEqual({ state: 'waiting' });
  expect(await queue.add([newChunk('bad again', 'e')])).toBe(false);
});

test('a chunk of another version is refused and given back', async () => {
  const [job] = (await cluster.boss.findJobs(`trace.${model}`, { queued: true })) as { id: string }[];
  await cluster.pool.query(
    `UPDATE fundus_lens_queue.job SET data = '{"schema":"fundus-lens.chunk/2"}' WHERE id = $1`,
    [job!.id],
  );
  await expect(queue.claim([model])).rejects.toMatchObject({ code: 'input.invalid' });
});

test('a worker appears once, however often it tells that it lives', async () => {
  const entry = new WorkerEntry(cluster);
  const description = { host: 'gpu-1', version: '0', device: 'cpu', models: [model] };
  await entry.announce(description);
  await entry.announce({ ...description, models: [] });
  await entry.leave();
  const { rows } = await cluster.pool.query(
    'SELECT host, models, stopped_at IS NOT NULL AS stopped FROM fundus_lens.workers',
  );
  expect(rows).toEqual([{ host: 'gpu-1', models: [], stopped: true }]);
});

test('chunks keep a host busy for minutes, within their bounds', () => {
  expect(chooseChunkSize(null)).toBe(32);
  expect(chooseChunkSize(10)).toBe(64);
  expect(chooseChunkSize(10_000)).toBe(30);
  expect(chooseChunkSize(600_000)).toBe(16);
});
