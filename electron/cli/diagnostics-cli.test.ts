import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { fixtures, runCli } from './test-cli.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'fundus-lens Ivanova '));
const env = { XDG_DATA_HOME: path.join(folder, 'data'), XDG_CACHE_HOME: path.join(folder, 'cache') };
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('diagnostics tell what is there and name nobody', async () => {
  const library = path.join(folder, 'Eyes of Petrov');
  const source = path.join(folder, 'photographs', 'Sidorov-1948');
  mkdirSync(source, { recursive: true });
  copyFileSync(path.join(fixtures, 'images', 'square-112x112.png'), path.join(source, 'smirnova_OD.png'));
  writeFileSync(path.join(source, 'kuznetsova.jpg'), 'no image');
  const run = (...args: string[]) => runCli([...args, '--library', library], { env, cwd: folder });
  await run('import', path.dirname(source), '--folder-rule', 'patient', '--tag', 'Orlova');
  const logs = path.join(folder, 'data', 'fundus-lens', 'logs');
  mkdirSync(logs, { recursive: true });
  writeFileSync(
    path.join(logs, 'fundus-lens.log'),
    '{"level":"info","event":"page-gone","exitCode":5}\nno JSON: Romanova\n',
  );

  const output = path.join(folder, 'diagnostics.json');
  const result = await run('diagnostics', '-o', output);
  expect(result).toMatchObject({ exitCode: 0, stderr: '' });
  expect(statSync(output).mode & 0o077).toBe(0);
  const text = readFileSync(output, 'utf8');
  expect(JSON.parse(text)).toMatchObject({
    schema: 'fundus-lens.diagnostics/1',
    library: { state: 'open', counts: { images: 1, patients: 1 } },
    log: [{ event: 'page-gone', exitCode: 5 }, { level: 'unreadable' }],
  });
  for (const name of [
    'Ivanova',
    'Petrov',
    'Sidorov',
    'smirnova',
    'kuznetsova',
    'Orlova',
    'Romanova',
    tmpdir(),
  ])
    expect(text).not.toContain(name);
}, 60_000);
