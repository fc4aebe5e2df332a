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
import { PostgresServer } from '../../cluster/testing/postgres.ts';
import { openLibrary } from '../../store/library/library.ts';
import { splitTrace } from '../../store/traces/trace-document.ts';
import { checkpoint, fixtures, runCli } from '../test-cli.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'fundus-lens кластер '));
const storage = path.join(folder, 'хранилище');
const plan = path.join(folder, 'plan.yaml');
let server: PostgresServer;

beforeAll(async () => {
  server = await PostgresServer.create(['fsync=off']);
  const source = path.join(folder, 'Иванов');
  mkdirSync(source);
  for (const name of ['square-112x112.png', 'portrait-140x196.png', 'tiny-45x38.png'])
    copyFileSync(path.join(fixtures, 'images', name), path.join(source, `Иванов ${name}`));
  writeFileSync(
    plan,
    `schema: fundus-lens.experiment/1
title: On the cluster
photographs: { paths: [Иванов] }
models: [{ folder: ${JSON.stringify(checkpoint)} }]
prompts: [What is shown?, Что это?]
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

test('an experiment that a worker computed is in the library as if it had been computed there', async () => {
  const queue = ['--queue', server.url()];
  expect(await runCli(['cluster', 'prepare', ...queue])).toMatchObject({ exitCode: 0, stderr: '' });
  const cluster = [...queue, '--storage', storage];
  let end = () => {};
  const worker = runCli(['worker', ...cluster, '--models', checkpoint], {
    env: { XDG_CACHE_HOME: path.join(folder, 'cache') },
    whileRunning: (child) => (end = () => child.kill('SIGTERM')),
  });
  const local = runCli(['experiment', 'run', plan, '--library', path.join(folder, 'here')]);
  const there = path.join(folder, 'there');
  const run = await runCli(['experiment', 'run', plan, '--library', there, ...cluster]);
  expect(run).toMatchObject({ exitCode: 0, stderr: '' });
  expect(run.stdout).toContain('12 of 12 traces');
  expect((await local).exitCode).toBe(0);
  const [computed, collected] = [await tracesOf(path.join(folder, 'here')), await tracesOf(there)];
  expect(computed).toHaveLength(12);
  expect(collected).toEqual(computed);
  // The same command again orders nothing, and is done at once.
  const again = await runCli(['experiment', 'run', plan, '--library', there, ...cluster]);
  expect(again).toMatchObject({ exitCode: 0, stderr: '' });
  end();
  const ended = await worker;
  expect(ended.exitCode).toBe(0);
  expect(ended.stderr).toMatch(/3 photographs, claim 0\n.*finished/);
});

test('neither a name of a file nor of a folder leaves the desk', async () => {
  const names = readdirSync(storage, { recursive: true, encoding: 'utf8' });
  expect(names.filter((name) => name.includes('Иванов'))).toEqual([]);
  const objects = names.filter((name) => /[0-9a-f]{64}$/.test(name));
  expect(objects.length).toBeGreaterThan(15);
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
