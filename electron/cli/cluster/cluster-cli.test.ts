import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { prepareCluster } from '../../cluster/cluster.ts';
import { PostgresServer } from '../../cluster/testing/postgres.ts';
import { openLibrary } from '../../store/library/library.ts';
import { splitTrace } from '../../store/traces/trace-document.ts';
import type { ClusterAddress } from '../../workbench/cluster/cluster-connection.ts';
import { createWorkbench } from '../../workbench/open-workbench.ts';
import { importFolder } from '../../workbench/workbench-fixture.ts';
import { checkpoint, fixtures, runCli } from '../test-cli.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'fundus-lens кластер '));
const storage = path.join(folder, 'хранилище');
const plan = path.join(folder, 'plan.yaml');
let server: PostgresServer;

beforeAll(async () => {
  server = await PostgresServer.create(['fsync=off']);
  await prepareCluster(server.url());
  const source = path.join(folder, 'Иванов');
  mkdirSync(source);
  for (const name of ['square-112x112.png', 'portrait-140x196.png'])
    copyFileSync(path.join(fixtures, 'images', name), path.join(source, `Иванов ${name}`));
  writeFileSync(
    plan,
    `schema: fundus-lens.experiment/1
title: On the cluster
photographs: { paths: [Иванов] }
models: [{ folder: ${JSON.stringify(checkpoint)} }]
prompts: [Что это?]
lenses: [raw, logit]
controls: false
`,
  );
});
afterAll(async () => {
  await server.remove();
  rmSync(folder, { recursive: true, force: true });
});

/** Every trace of a library: key, document and bits of the arrays, without what tells one run from another. */
async function tracesOf(library: string) {
  const opened = await openLibrary(library, { actor: 'test', create: false });
  try {
    const listed = opened.traces.list({ limit: 100 });
    const traces = listed.map(({ id, contentKey, imageId }) => {
      const trace = opened.traces.get(id);
      const { document, arrays } = splitTrace(trace);
      const said = { ...(JSON.parse(document) as Record<string, unknown>), timings: null };
      const bits = arrays.map(({ name, dtype, shape, array }) => [
        name,
        dtype,
        shape,
        Buffer.from(array.buffer, array.byteOffset, array.byteLength).toString('hex'),
      ]);
      const photograph = opened.images.get(imageId!).sha256;
      return { contentKey, photograph, said, bits, concepts: opened.traces.concepts(id).length };
    });
    return traces.sort((a, b) => (a.contentKey! < b.contentKey! ? -1 : 1));
  } finally {
    opened.close();
  }
}

/** Runs the experiment in a library, here or on a cluster, without working out its results. */
async function compute(libraryFolder: string, cluster: ClusterAddress | null): Promise<void> {
  const workbench = await createWorkbench({
    ...{ libraryFolder, cacheFolder: path.join(folder, 'cache'), samplesFolder: null, demoModelFolder: null },
    ...{ runner: { pollMilliseconds: 50 }, cluster },
  });
  try {
    const { client } = workbench;
    await importFolder(workbench, path.join(folder, 'Иванов'));
    const file = await client.experiments.read({ text: readFileSync(plan, 'utf8') });
    const { id } = await client.experiments.create({ file, images: { filter: {} } });
    const isDone = async () => {
      if (cluster !== null) await client.cluster.collect({ id });
      return (await client.experiments.get({ id })).summary.progress.done === 4;
    };
    if (cluster === null) await client.experiments.run({ id });
    else {
      expect(await client.cluster.submit({ id })).toEqual({ ordered: 4, chunks: 1, photographs: 2 });
      expect(await client.cluster.submit({ id })).toEqual({ ordered: 0, chunks: 0, photographs: 0 });
    }
    await expect.poll(isDone, { timeout: 60_000, interval: 200 }).toBe(true);
  } finally {
    await workbench.close();
  }
}

test('an experiment that a worker computed is in the library as if it had been computed there', async () => {
  const queue = ['--queue', server.url()];
  const cluster = [...queue, '--storage', storage];
  let end = () => {};
  const worker = runCli(['worker', ...cluster, '--models', checkpoint, '--gpus', '0,1'], {
    env: { XDG_CACHE_HOME: path.join(folder, 'cache') },
    whileRunning: (child) => (end = () => child.kill('SIGTERM')),
  });
  // Two engines; the one chunk is taken once.
  const [here, there] = [path.join(folder, 'here'), path.join(folder, 'there')];
  await compute(here, null);
  await compute(there, { queue: server.url(), storage });
  const [computed, collected] = [await tracesOf(here), await tracesOf(there)];
  expect(computed).toHaveLength(4);
  expect(collected).toEqual(computed);
  // By the command, which orders nothing now: it knows the same plan, and is done at once.
  const again = await runCli(['experiment', 'run', plan, '--library', there, ...cluster]);
  expect(again).toMatchObject({ exitCode: 0, stderr: '' });
  expect(again.stdout).toContain('4 of 4 traces');
  const status = await runCli(['cluster', 'status', ...queue]);
  expect(status.stdout).toMatch(/^4 of 4 traces, 0 failed/);
  expect(status.stdout).toContain('working');
  end();
  const ended = await worker;
  expect(ended.exitCode).toBe(0);
  expect(ended.stderr).toMatch(/2 photographs, claim 0\n.*finished/);
});

test('neither a name of a file nor of a folder leaves the desk', async () => {
  const names = readdirSync(storage, { recursive: true, encoding: 'utf8' });
  expect(names.filter((name) => name.includes('Иванов'))).toEqual([]);
  const objects = names.filter((name) => /[0-9a-f]{64}$/.test(name));
  expect(objects.length).toBeGreaterThan(6);
  for (const name of objects) expect(readFileSync(path.join(storage, name)).includes('Иванов')).toBe(false);
  const { default: pg } = await import('pg');
  const client = new pg.Client({ connectionString: server.url() });
  await client.connect();
  const tables = await client.query<{ name: string }>(
    `SELECT format('%I.%I', table_schema, table_name) AS name FROM information_schema.tables
    WHERE table_schema LIKE 'fundus_lens%' AND table_type = 'BASE TABLE'`,
  );
  for (const { name } of tables.rows) {
    const { rows } = await client.query(`SELECT row_to_json(t)::text AS row FROM ${name} t`);
    expect(JSON.stringify(rows)).not.toContain('Иванов');
  }
  expect(tables.rows.length).toBeGreaterThan(8);
  await client.end();
});
