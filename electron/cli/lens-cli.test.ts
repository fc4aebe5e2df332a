import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { checkpoint, fixtures, runCli } from './test-cli.ts';

// Each command is a process of its own, and the machine may be busy with other work.
vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 });
const folder = mkdtempSync(path.join(tmpdir(), 'fundus-lens линза '));
const library = path.join(folder, 'библиотека');
const env = { XDG_DATA_HOME: path.join(folder, 'data'), XDG_CACHE_HOME: path.join(folder, 'cache') };
const run = (...args: string[]) => runCli(args, { env, cwd: folder });
const ask = ['--model', checkpoint, '--prompt', 'What is this?'];
const traced = [...ask, '--no-controls', '--generate', '0', '--json', '-'];

beforeAll(async () => {
  const source = path.join(folder, 'снимки');
  mkdirSync(source);
  for (const name of ['square-112x112.png', 'landscape-224x112.png', 'portrait-140x196.png'])
    copyFileSync(path.join(fixtures, 'images', name), path.join(source, name));
  expect(await run('import', source, '--library', library)).toMatchObject({ exitCode: 0 });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('a lens is fitted, shown, traced through, exported, used from its file and removed', async () => {
  const own = ['--library', library];
  const fit = await run('lens', 'fit', ...ask, '--name', 'сетчатка', ...own);
  expect(fit).toMatchObject({ exitCode: 0 });
  expect(fit.stdout).toContain('fitted on 2 images of 2 patients');
  expect(fit.stdout).toContain('measured on 1 others of 1 patients');
  const shown = JSON.parse((await run('lens', 'show', 'сетчатка', '--json', ...own)).stdout) as {
    sha256: string;
    error: { answer: { lens: number[] } };
  };
  expect(shown.error.answer.lens.at(-1)).toBe(0);
  const inLibrary = await run('trace', ...own, ...traced, '--lens', 'shortcut:сетчатка');
  expect(inLibrary.exitCode).toBe(0);
  const lines = inLibrary.stdout.trim().split('\n');
  expect(lines).toHaveLength(3);
  expect(JSON.parse(lines[0]!)).toMatchObject({ lens: 'shortcut', fittedLens: { sha256: shown.sha256 } });
  expect((await run('lens', 'list', ...own)).stdout).toContain('сетчатка');

  const file = path.join(folder, 'линза.safetensors');
  expect(await run('lens', 'export', 'сетчатка', '-o', file, ...own)).toMatchObject({ exitCode: 0 });
  const image = path.join(fixtures, 'images', 'square-112x112.png');
  const alone = await run('trace', image, ...traced, '--lens', `shortcut:${file}`);
  expect(alone.exitCode).toBe(0);
  expect(JSON.parse(alone.stdout)).toMatchObject({ fittedLens: { sha256: shown.sha256 } });
  expect(await run('lens', 'remove', 'сетчатка', ...own)).toMatchObject({ exitCode: 0 });
});

test('what cannot be read through is refused in plain words', async () => {
  const bad = path.join(folder, 'плохая.safetensors');
  writeFileSync(bad, 'no lens');
  const damaged = await run('lens', 'import', bad, '--library', library);
  expect(damaged).toMatchObject({ exitCode: 2, stdout: '' });
  expect(damaged.stderr).toContain('[lens.file-damaged]');
  const unknown = await run('trace', '--library', library, ...traced, '--lens', 'shortcut:нет');
  expect(unknown).toMatchObject({ exitCode: 2, stdout: '' });
  expect(unknown.stderr).toContain('нет');
  expect((await run('trace', '--library', library, ...traced, '--lens', 'tuned')).stderr).toContain(
    'shortcut:NAME',
  );
});
