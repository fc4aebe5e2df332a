import { createHash } from 'node:crypto';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { fixtures, runCli } from './test-cli.ts';

// Each command is a process of its own, and the machine may be busy with other work.
vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 });
const folder = mkdtempSync(path.join(tmpdir(), 'fundus-lens разметка '));
const env = { XDG_DATA_HOME: path.join(folder, 'data'), XDG_CACHE_HOME: path.join(folder, 'cache') };
const run = (...args: string[]) =>
  runCli([...args, '--library', path.join(folder, 'библиотека')], { env, cwd: folder });
const picture = path.join(fixtures, 'images', 'square-112x112.png');
const ellipse = (a: number, b: number) => ({ kind: 'ellipse', centre: [56, 56], radii: [a, b], rotation: 0 });
const drawing = {
  format: 'fundus-lens.drawing/1',
  image: createHash('sha256').update(readFileSync(picture)).digest('hex'),
  width: 112,
  height: 112,
  observer: 'И',
  shapes: [
    { of: 'disc', shape: ellipse(25, 30) },
    { of: 'cup', shape: ellipse(10, 15) },
  ],
};
const write = (name: string, content: unknown) =>
  writeFileSync(path.join(folder, name), JSON.stringify(content));

beforeAll(async () => {
  const source = path.join(folder, 'снимки');
  mkdirSync(source);
  copyFileSync(picture, path.join(source, 'глаз_OD.png'));
  expect(await run('import', source)).toMatchObject({ exitCode: 0 });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('a drawing is kept, measured, printed, and kept for another observer', async () => {
  write('d.json', drawing);
  expect(await run('drawings', 'save', '1', 'd.json')).toMatchObject({
    exitCode: 0,
    stdout: 'image 1, version 1, 2 shapes\n',
  });
  const { stdout } = await run('drawings', 'show', '1');
  expect(stdout).toContain('И, version 1, 2 shapes');
  expect(stdout).toMatch(new RegExp(`disc area +${Math.round(Math.PI * 25 * 30)} px²`));
  expect(stdout).toMatch(/cup\/disc, vertical +0\.50/);
  const printed = await run('drawings', 'show', '1', '--json');
  expect(JSON.parse(printed.stdout)).toEqual([drawing]);
  writeFileSync(path.join(folder, 'list.json'), printed.stdout);
  expect((await run('drawings', 'save', '1', 'list.json', '--observer', 'П')).exitCode).toBe(0);
  expect((await run('protocols', 'show', '1', '--observer', 'П')).stdout).toContain('0.5');
});

test('what is no drawing, or one of another photograph, is refused', async () => {
  write('other.json', { ...drawing, image: '0'.repeat(64) });
  const other = await run('drawings', 'save', '1', 'other.json');
  expect(other).toMatchObject({ exitCode: 2, stdout: '' });
  expect(other.stderr).toContain('another photograph');
  write('none.json', { shapes: [] });
  expect((await run('drawings', 'save', '1', 'none.json')).stderr).toContain('fundus-lens.drawing/1');
  expect((await run('drawings', 'save', '1', 'missing.json')).exitCode).toBe(2);
});
