import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, expect, test, vi } from 'vitest';
import { causalReadingSchema } from '../../contract/causal-checks.ts';
import { checkpoint, fixtures, runCli } from '../test-cli.ts';

// Each command is a process of its own, and the machine may be busy with other work.
vi.setConfig({ testTimeout: 600_000 });
const folder = mkdtempSync(path.join(tmpdir(), 'fundus-lens пары '));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('a pair of the library is checked and kept; what a model answers alike has no R', async () => {
  const env = { XDG_DATA_HOME: path.join(folder, 'data'), XDG_CACHE_HOME: path.join(folder, 'cache') };
  const run = (...args: string[]) => runCli([...args, '--library', path.join(folder, 'l')], { env });
  const source = path.join(folder, 'снимки');
  mkdirSync(source);
  copyFileSync(path.join(fixtures, 'images/portrait-140x196.png'), path.join(source, 'a_OD.png'));
  copyFileSync(path.join(fixtures, 'causal/turned.png'), path.join(source, 'b_OS.png'));
  expect(await run('import', source)).toMatchObject({ exitCode: 0 });
  const out = path.join(folder, 'pairs.jsonl');
  const question = ['--prompt', 'What is this?', '--a', 'retina', '--b', 'macula', '--value', 'OD'];
  const { exitCode, stderr } = await run(
    ...['causal-check', ...question, '--region', '0,0,50,50', '--window', '2'],
    ...['--model', checkpoint, '--provider', 'cpu', '-o', out],
  );
  expect(stderr).toContain('1 of 1: opposite, a_OD.png');
  // Random weights answer both alike.
  expect(stderr).toContain('answers the photographs of every pair alike');
  expect(exitCode).toBe(2);
  const [line, end] = readFileSync(out, 'utf8').split('\n');
  expect(end).toBe('');
  const { patches, knockouts } = causalReadingSchema.parse(
    (JSON.parse(line!) as { reading: unknown }).reading,
  );
  expect(patches.map(({ set }) => set)).toEqual(['image', 'region', 'irrelevant', 'text', 'last']);
  expect(knockouts).toHaveLength(2);
  const refused = await run('causal-check', ...question, '--region', '50,0,0,50');
  expect(refused).toMatchObject({ exitCode: 2 });
  expect(refused.stderr).toContain('per cent');
});
