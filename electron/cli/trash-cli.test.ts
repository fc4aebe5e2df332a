import { copyFileSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, expect, test, vi } from 'vitest';
import { createWorkbench } from '../workbench/open-workbench.ts';
import { fixtures, runCli } from './test-cli.ts';

vi.setConfig({ testTimeout: 240_000 });
const folder = mkdtempSync(path.join(tmpdir(), 'fundus-lens корзина '));
const library = path.join(folder, 'library');
const env = { XDG_DATA_HOME: path.join(folder, 'data'), XDG_CACHE_HOME: path.join(folder, 'cache') };
const run = (...args: string[]) => runCli([...args, '--library', library], { env, cwd: folder });
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function removeFirstImage() {
  const workbench = await createWorkbench({
    libraryFolder: library,
    cacheFolder: path.join(folder, 'cache'),
    samplesFolder: null,
    demoModelFolder: null,
    runQueue: false,
  });
  await workbench.client.images.remove({ ids: [1] });
  await workbench.close();
}

test('a removed photograph is listed, comes back, and goes for good when the trash is emptied', async () => {
  const source = path.join(folder, 'снимки');
  mkdirSync(source);
  copyFileSync(path.join(fixtures, 'images', 'square-112x112.png'), path.join(source, 'глаз_OD.png'));
  expect(await run('import', source)).toMatchObject({ exitCode: 0 });
  expect((await run('trash')).stdout).toBe('The trash is empty.\n');
  await removeFirstImage();
  expect((await run('list')).stdout).toBe('No images.\n');
  expect((await run('trash')).stdout).toMatch(/1 +image +глаз_OD\.png/);
  const nothing = await run('trash', 'restore');
  expect(nothing.exitCode).toBe(2);
  expect(nothing.stderr).toContain('numbers, as `fundus-lens trash` lists them');
  expect((await run('trash', 'restore', '1')).stdout).toBe('Put back: 1\n');
  expect((await run('list')).stdout).toContain('глаз_OD.png');
  await removeFirstImage();
  expect((await run('trash', 'empty')).stdout).toContain('Gone for good: 1.');
  expect(JSON.parse((await run('trash', '--json')).stdout)).toEqual([]);
});
