import { mkdirSync, mkdtempSync, copyFileSync, readdirSync, rmSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { fixtures, runCli } from './test-cli.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'fundus-lens порча '));
const library = path.join(folder, 'library');
const env = { XDG_DATA_HOME: path.join(folder, 'data'), XDG_CACHE_HOME: path.join(folder, 'cache') };
const run = (...args: string[]) => runCli([...args, '--library', library], { env, cwd: folder });
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('a library whose database was emptied says so in every command, and comes back from its backup', async () => {
  const source = path.join(folder, 'снимки');
  mkdirSync(source);
  copyFileSync(path.join(fixtures, 'images', 'square-112x112.png'), path.join(source, 'глаз_OD.png'));
  expect((await run('import', source)).exitCode).toBe(0);
  const [, made] = /Made and checked (\S+)/.exec((await run('backup')).stdout)!;
  // The first start may have made one by itself at the same moment.
  const backups = readdirSync(path.join(library, 'backups'));
  const name = backups.sort().at(-1)!;
  expect(backups).toContain(made);
  truncateSync(path.join(library, 'library.sqlite'), 0);
  for (const command of ['list', 'verify']) {
    const { exitCode, stderr } = await run(command);
    expect(exitCode).toBe(2);
    expect(stderr).toContain('library.damaged');
    expect(stderr).toContain(`fundus-lens restore ${name}`);
  }
  expect(await run('restore', name)).toMatchObject({ exitCode: 0 });
  expect((await run('list')).stdout).toContain('глаз_OD.png');
}, 120_000);
