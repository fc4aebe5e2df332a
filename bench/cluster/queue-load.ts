import { randomBytes } from 'node:crypto';
import { ChunkQueue } from '../../electron/cluster/chunk-queue.ts';
import type { NewChunk } from '../../electron/cluster/chunk-queue.ts';
import { openCluster, prepareCluster } from '../../electron/cluster/cluster.ts';
import type { Cluster } from '../../electron/cluster/cluster.ts';
import { readStatus } from '../../electron/cluster/status.ts';
import { chunkOf, sha256Of } from '../../electron/cluster/testing/chunks.ts';
import { PostgresServer } from '../../electron/cluster/testing/postgres.ts';
import { median } from '../median.ts';

/** As many as a chunk usually has. */
const perChunk = 32;
/** Chunks of one transaction, as an experiment is ordered. */
const together = 8;
const worker = '00000000-0000-4000-8000-000000000001';

/**
 * The queue alone, with an engine that answers at once: how fast images are ordered, what taking and ending a chunk costs
 * an image, how long the status takes, and what the process that orders holds in memory.
 *
 * @param images ordered; a thirtieth of them is taken
 */
export async function measureQueue(images: number): Promise<string> {
  const server = await PostgresServer.create();
  try {
    await prepareCluster(server.url());
    const cluster = await openCluster(server.url());
    try {
      return await measure(server, cluster, images);
    } finally {
      await cluster.close();
    }
  } finally {
    await server.remove();
  }
}

async function measure(server: PostgresServer, cluster: Cluster, images: number): Promise<string> {
  const queue = new ChunkQueue(cluster);
  await queue.ensureQueue(sha256Of('model'));
  const lines: string[] = [];
  let memory = 0;
  const started = performance.now();
  for (let ordered = 0; ordered < images; ordered += perChunk * together) {
    const chunks = Array.from({ length: together }, () => randomChunk());
    if (!(await queue.add(chunks))) throw new Error('a key was ordered twice');
    if (ordered % (perChunk * together * 500) === 0) {
      globalThis.gc?.();
      const { rss } = process.memoryUsage();
      memory = Math.max(memory, rss);
      lines.push(`  ${ordered} ordered: ${Math.round(rss / 2 ** 20)} MB`);
    }
  }
  const ordering = performance.now() - started;
  const { rows } = await cluster.pool.query<{ size: string; images: number }>(
    `SELECT pg_size_pretty(pg_database_size(current_database())) AS size,
      (SELECT count(*)::int FROM fundus_lens.cells) AS images`,
  );
  const { images: total, size } = rows[0]!;
  const statusTimes = await repeat(9, () => readStatus(cluster));
  const takers = await Promise.all([openCluster(server.url()), openCluster(server.url())]);
  const taken = Math.floor(images / 30 / perChunk / 2);
  const takingStarted = performance.now();
  const busy = await Promise.all(takers.map((taker) => takeAll(new ChunkQueue(taker), taken)));
  const taking = performance.now() - takingStarted;
  const afterwards = await repeat(9, () => readStatus(cluster));
  for (const taker of takers) await taker.close();
  const done = taken * 2 * perChunk;
  return [
    `${total} images ordered in ${(ordering / 1000).toFixed(1)} s: ${Math.round((total / ordering) * 1000)} a second, in chunks of ${perChunk}, ${together} chunks a transaction`,
    ...lines,
    `  the process that orders: at most ${Math.round(memory / 2 ** 20)} MB; the database: ${size}`,
    `status with ${total} images queued: ${median(statusTimes).toFixed(1)} ms (${statusTimes.length} times, at most ${Math.max(...statusTimes).toFixed(1)})`,
    `two takers at once, ${done} images in ${(taking / 1000).toFixed(1)} s: ${((busy[0]! + busy[1]!) / done).toFixed(3)} ms of a taker's time an image (claim, one row each, end)`,
    `status with ${done} results of the last minutes: ${median(afterwards).toFixed(1)} ms`,
  ].join('\n');
}

/** @returns milliseconds spent */
async function takeAll(queue: ChunkQueue, chunks: number): Promise<number> {
  const started = performance.now();
  for (let taken = 0; taken < chunks; taken++) {
    const claim = await queue.claim([sha256Of('model')]);
    if (claim === undefined) throw new Error('the queue is empty');
    const results = claim.chunk.photographs.map(({ sha256 }) => ({
      contentKey: sha256,
      objectSha256: sha256,
      bytes: 12_000,
      milliseconds: 1,
    }));
    if (!(await queue.finish(claim, worker, { results, failures: [] })))
      throw new Error('the claim was lost');
  }
  return performance.now() - started;
}

function randomChunk(): NewChunk {
  const { chunk } = chunkOf('', []);
  const keys = Array.from({ length: perChunk }, () => randomBytes(32).toString('hex'));
  const photographs = keys.map((sha256) => ({ sha256, file: sha256, conditions: [0] }));
  return { chunk: { ...chunk, photographs }, contentKeys: keys };
}

async function repeat(times: number, work: () => Promise<unknown>): Promise<number[]> {
  const taken: number[] = [];
  for (let time = 0; time < times; time++) {
    const started = performance.now();
    await work();
    taken.push(performance.now() - started);
  }
  return taken;
}
