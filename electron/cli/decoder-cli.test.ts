import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { checkpoint, fixtures, runCli } from './test-cli.ts';

// Each command is a process of its own, and the machine may be busy with other work.
vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 });
const folder = mkdtempSync(path.join(tmpdir(), 'fundus-lens декодер '));
const env = { XDG_DATA_HOME: path.join(folder, 'data'), XDG_CACHE_HOME: path.join(folder, 'cache') };
const run = (...args: string[]) =>
  runCli([...args, '--library', path.join(folder, 'библиотека')], { env, cwd: folder });

beforeAll(async () => {
  const source = path.join(folder, 'снимки');
  mkdirSync(source);
  copyFileSync(path.join(fixtures, 'images', 'square-112x112.png'), path.join(source, 'глаз_OD.png'));
  expect(await run('import', source)).toMatchObject({ exitCode: 0 });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('features are read once', async () => {
  const first = await run('tap', '--model', checkpoint);
  expect(first).toMatchObject({ exitCode: 0, stdout: 'features of 1 of 1 images; 0 of them before\n' });
  expect((await run('tap', '--model', checkpoint)).stdout).toBe(
    'features of 1 of 1 images; 1 of them before\n',
  );
});

test('one eye is not enough to learn from, and nothing is kept of the attempt', async () => {
  const fit = await run('decoder', 'fit', '--model', checkpoint, '--name', 'Один');
  expect(fit).toMatchObject({ exitCode: 2, stdout: '' });
  expect(fit.stderr).toContain('[decoder.one-class]');
  expect(JSON.parse((await run('decoder', 'list', '--json')).stdout)).not.toContainEqual(
    expect.objectContaining({ name: 'Один' }),
  );
});

test('a file that is no decoder is refused; the shipped one travels and is taken in unchanged', async () => {
  const bad = path.join(folder, 'плохой.safetensors');
  writeFileSync(bad, 'no decoder');
  const refused = await run('decoder', 'import', bad);
  expect(refused).toMatchObject({ exitCode: 2, stdout: '' });
  expect(refused.stderr).toContain('[decoder.file-damaged]');
  const out = path.join(folder, 'out.safetensors');
  expect(await run('decoder', 'export', 'Fundus photographs', '-o', out)).toMatchObject({ exitCode: 0 });
  expect(readFileSync(out).equals(readFileSync('resources/decoders/fundus.safetensors'))).toBe(true);
  const apply = await run('decoder', 'apply', 'Fundus photographs', '--image', '1');
  expect(apply.exitCode).toBe(2);
  expect(apply.stderr).toContain('[decoder.other-model]');
});

test('what nobody asked is said to be so; a supplied decoder keeps its name and stays', async () => {
  const said = await run('decoder', 'said', 'Fundus photographs', '--json');
  expect(said.exitCode).toBe(0);
  const table = JSON.parse(said.stdout) as { images: number; missing: number; rows: { verdict: string }[] };
  expect(table).toMatchObject({ images: 1, missing: 1 });
  expect(table.rows.length).toBeGreaterThan(0);
  expect(table.rows.every(({ verdict }) => verdict === 'not-measured')).toBe(true);
  expect((await run('decoder', 'said', 'Fundus photographs')).stdout).toContain(
    '1 of 1 images were not asked about.',
  );
  const other = await run('decoder', 'ask', 'Fundus photographs');
  expect(other.exitCode).toBe(2);
  expect(other.stderr).toContain('[decoder.other-model]');
  for (const args of [
    ['rename', '1', 'Другой'],
    ['remove', '1'],
  ]) {
    const refused = await run('decoder', ...args);
    expect(refused).toMatchObject({ exitCode: 2, stdout: '' });
  }
  expect((await run('decoder', 'list')).stdout).toContain('Fundus photographs');
});
