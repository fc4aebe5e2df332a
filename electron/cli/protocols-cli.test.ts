import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { fixtures, runCli } from './test-cli.ts';

// Each command is a process of its own, and the machine may be busy with other work.
vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 });
const folder = mkdtempSync(path.join(tmpdir(), 'fundus-lens протокол '));
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

test('values are entered, read in Russian, and exported', async () => {
  expect((await runCli(['protocols', 'fields', 'disc'], { env, cwd: folder })).stdout).toMatch(
    /disc\.colour .*pale-pink/,
  );
  const set = await run(
    'protocols',
    'set',
    '1',
    'disc.cup-disc-ratio=0,3',
    '--normal',
    'disc',
    '--observer',
    'И',
  );
  expect(set).toMatchObject({ exitCode: 0, stderr: '' });
  expect(set.stdout).toContain('0.3');
  const shown = await run('protocols', 'show', '1', '--language', 'ru');
  expect(shown.stdout).toMatch(/^И, version 1\n.*0,3/);
  const written = await run('protocols', 'export', '--images', '1', '--format', 'json', '-o', 'p.json');
  expect(written.exitCode).toBe(0);
  expect(JSON.parse(readFileSync(path.join(folder, 'p.json'), 'utf8'))).toMatchObject({
    observer: 'И',
    values: { 'disc.cup-disc-ratio': { value: 0.3, source: 'manual' } },
  });
});

test('a value outside its set is refused with what is expected', async () => {
  const wrong = await run('protocols', 'set', '1', 'disc.colour=green');
  expect(wrong).toMatchObject({ exitCode: 2, stdout: '' });
  expect(wrong.stderr).toMatch(/pale-pink[^]*green/);
  expect((await run('protocols', 'set', '1', 'disc.colour')).stderr).toContain('FIELD=VALUE');
  expect((await run('protocols', 'export', '--images', '7', '--format', 'csv', '-o', 'x')).exitCode).toBe(2);
});
