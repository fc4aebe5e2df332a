import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { ChunkQueue } from '../../electron/cluster/chunk-queue.ts';
import type { NewChunk } from '../../electron/cluster/chunk-queue.ts';
import { isPassing, openCluster, prepareCluster } from '../../electron/cluster/cluster.ts';
import { lookUp } from '../../electron/cluster/results.ts';
import { FolderStorage } from '../../electron/cluster/storage/folder-storage.ts';
import { PostgresServer } from '../../electron/cluster/testing/postgres.ts';
import { EngineClient } from '../../electron/engine/process/engine-client.ts';
import { createRandom } from '../../electron/engine/readability/statistics/seeded-random.ts';
import { splitTrace } from '../../electron/store/traces/trace-document.ts';
import { unpackObject } from '../../electron/workbench/cluster/trace-object.ts';
import { findModel } from '../../electron/workbench/traces/bundled-defaults.ts';
import { Line } from './line.ts';
import { makeChunks } from './photographs.ts';
import { WorkerProcess } from './worker-process.ts';
import type { Said } from './worker-process.ts';

/** In the reports; `server` is the whole of PostgreSQL, `line` the network between a worker and it. */
type Fault = 'worker' | 'server' | 'line';

export interface KilledCluster {
  readonly traces: number;
  readonly faults: Readonly<Record<Fault, number>>;
  readonly lost: number;
  /** Rows beyond one a trace. */
  readonly twice: number;
  /** Traces whose numbers or words differ from those of one process that nothing disturbed. */
  readonly different: number;
  /** Traces that were computed and thrown away, since another had been first or the claim was lost. */
  readonly wasted: number;
  /** Seconds from the kill of a worker to the next claim of what it had. */
  readonly resumed: readonly number[];
  /** Seconds: one process undisturbed, two undisturbed, two with faults. */
  readonly seconds: { readonly one: number; readonly two: number; readonly disturbed: number };
}

const database = (name: string, server: PostgresServer, port = server.port) =>
  `postgres://owner@127.0.0.1:${port}/${name}`;

/**
 * Two workers on a real PostgreSQL whose processes, server and lines are ended or cut at random moments (SIGKILL, bytes that
 * come no longer), beside one worker and two that nothing disturbs.
 *
 * @param traces of the bundled model
 * @param faults at random moments, until so many were there
 */
export async function killCluster(traces: number, faults: number, seed: number): Promise<KilledCluster> {
  const folder = mkdtempSync(path.join(tmpdir(), 'fundus-lens-cluster-'));
  const server = await PostgresServer.create();
  try {
    const engine = new EngineClient();
    const { sha256: model } = await engine.inspect(findModel(undefined));
    await engine.close();
    const places = { one: 'one', two: 'two', disturbed: 'disturbed' } as const;
    const shared = await FolderStorage.open(path.join(folder, 'photographs'));
    const chunks = await makeChunks(shared, model, traces);
    for (const name of Object.values(places)) await order(server, name, chunks);
    const tools = { server, folder, storage: path.join(folder, 'photographs') };
    const [one] = [await undisturbed(tools, places.one, 1)];
    const two = await undisturbed(tools, places.two, 2);
    const before = countObjects(tools.storage);
    const disturbed = await disturb(tools, places.disturbed, faults, seed);
    const keys = chunks.flatMap(({ contentKeys }) => contentKeys);
    const compared = await compare(server, shared, keys, [places.one, places.disturbed]);
    return {
      traces: keys.length,
      faults: disturbed.faults,
      ...compared,
      wasted: countObjects(tools.storage) - before - compared.there,
      resumed: disturbed.resumed,
      seconds: { one, two, disturbed: disturbed.seconds },
    };
  } finally {
    await server.remove();
    rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
  }
}

interface Tools {
  readonly server: PostgresServer;
  readonly folder: string;
  readonly storage: string;
}

async function order(server: PostgresServer, name: string, chunks: readonly NewChunk[]): Promise<void> {
  const admin = await openAdmin(server);
  await admin.query(`CREATE DATABASE ${name}`);
  await admin.end();
  await prepareCluster(database(name, server));
  const cluster = await openCluster(database(name, server));
  const queue = new ChunkQueue(cluster);
  await queue.ensureQueue(chunks[0]!.chunk.modelSha256);
  await queue.add(chunks);
  await cluster.close();
}

async function openAdmin(server: PostgresServer) {
  const { default: pg } = await import('pg');
  const client = new pg.Client({ connectionString: server.url() });
  await client.connect();
  return client;
}

/** @returns seconds from the first claim to the last end */
async function undisturbed({ server, folder, storage }: Tools, name: string, count: number): Promise<number> {
  const workers = Array.from(
    { length: count },
    (_, index) =>
      new WorkerProcess(database(name, server), storage, path.join(folder, `cache-${name}-${index}`), [
        '--until-empty',
      ]),
  );
  await Promise.all(workers.map(({ exit }) => exit));
  return spanOf(workers.flatMap(({ said }) => said));
}

function spanOf(said: readonly Said[]): number {
  const times = said.map(({ at }) => at);
  return (Math.max(...times) - Math.min(...times)) / 1000;
}

async function disturb({ server, folder, storage }: Tools, name: string, wanted: number, seed: number) {
  const random = createRandom(seed);
  const lines = [await Line.open(server.port), await Line.open(server.port)];
  const caches = lines.map((_, index) => path.join(folder, `cache-${name}-${index}`));
  const start = (index: number) =>
    new WorkerProcess(database(name, server, lines[index]!.port), storage, caches[index]!);
  const workers = lines.map((_, index) => start(index));
  const all: WorkerProcess[] = [...workers];
  const killed: { readonly at: number; readonly chunk: string }[] = [];
  const faults: Record<Fault, number> = { worker: 0, server: 0, line: 0 };
  const began = Date.now();
  const mends: NodeJS.Timeout[] = [];
  while (!(await isDone(database(name, server)))) {
    await pause(1000 + random() * 12_000);
    if (faults.worker + faults.server + faults.line >= wanted) continue;
    const index = random() < 0.5 ? 0 : 1;
    const kind: Fault = (['worker', 'worker', 'server', 'line'] as const)[Math.floor(random() * 4)]!;
    faults[kind] += 1;
    if (kind === 'server') {
      await server.stop('SIGKILL');
      await pause(random() * 5000);
      await server.start();
    } else if (kind === 'line') {
      lines[index]!.cut();
      mends.push(setTimeout(() => lines[index]!.mend(), 5000 + random() * 50_000));
    } else {
      const { holds } = workers[index]!;
      await workers[index]!.end('SIGKILL');
      if (holds !== undefined) killed.push({ at: Date.now(), chunk: holds });
      workers[index] = start(index);
      all.push(workers[index]);
    }
  }
  const seconds = (Date.now() - began) / 1000;
  for (const mend of mends) clearTimeout(mend);
  for (const line of lines) line.mend();
  for (const worker of workers) await worker.end('SIGTERM');
  for (const line of lines) line.close();
  const said = all.flatMap((worker) => worker.said).sort((a, b) => a.at - b.at);
  const resumed = killed.flatMap(({ at, chunk }) => {
    const next = said.find((each) => each.chunk === chunk && each.claim !== null && each.at > at);
    return next === undefined ? [] : [(next.at - at) / 1000];
  });
  return { faults, resumed, seconds };
}

async function isDone(url: string): Promise<boolean> {
  try {
    const cluster = await openCluster(url);
    try {
      const { rows } = await cluster.pool.query<{ open: number }>(
        'SELECT count(*)::int AS open FROM fundus_lens.chunks WHERE finished_at IS NULL',
      );
      return rows[0]?.open === 0;
    } finally {
      await cluster.close();
    }
  } catch (error) {
    if (isPassing(error) || (error instanceof Error && isPassing(error.cause))) return false;
    throw error;
  }
}

async function compare(
  server: PostgresServer,
  storage: FolderStorage,
  keys: readonly string[],
  names: readonly [string, string],
): Promise<Pick<KilledCluster, 'lost' | 'twice' | 'different'> & { readonly there: number }> {
  const [expected, found] = await Promise.all(
    names.map(async (name) => {
      const cluster = await openCluster(database(name, server));
      const states = await lookUp(cluster, keys);
      const { rows } = await cluster.pool.query<{ rows: number; done: number }>(
        `SELECT (SELECT count(*)::int FROM fundus_lens.results) AS rows, sum(done)::int AS done FROM fundus_lens.chunks`,
      );
      await cluster.close();
      return { states, ...rows[0]! };
    }),
  );
  let [lost, different] = [0, 0];
  for (const key of keys) {
    const [a, b] = [expected!.states.get(key), found!.states.get(key)];
    if (a?.state !== 'done') throw new Error(`the undisturbed run has no ${key}`);
    if (b?.state !== 'done') lost += 1;
    else if ((await bitsOf(storage, a.objectSha256)) !== (await bitsOf(storage, b.objectSha256)))
      different += 1;
  }
  const twice = Math.max(found!.rows, found!.done) - (keys.length - lost);
  return { lost, twice, different, there: found!.rows };
}

/** All of a trace but how long it took. */
async function bitsOf(storage: FolderStorage, objectSha256: string): Promise<string> {
  const { document, arrays } = splitTrace(await unpackObject(await storage.read(objectSha256)));
  const said = { ...(JSON.parse(document) as Record<string, unknown>), timings: null };
  const bits = arrays.map(({ name, array }) => {
    const bytes = Buffer.from(array.buffer, array.byteOffset, array.byteLength);
    return `${name} ${bytes.toString('base64')}`;
  });
  return JSON.stringify([said, bits]);
}

function countObjects(storage: string): number {
  return readdirSync(path.join(storage, 'objects'), { recursive: true, encoding: 'utf8' }).filter((name) =>
    /[0-9a-f]{64}$/.test(name),
  ).length;
}
