import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { checkpoint, fixtures, runCli } from '../test-cli.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'fundus-lens опыт '));
afterAll(() => rmSync(folder, { recursive: true }));
const image = (name: string) => path.join(fixtures, 'images', name);

test('the notebook and the corrected reading on one page; what cannot be read is named, and the rest goes on', async () => {
  const out = path.join(folder, 'страница.html');
  const bad = path.join(folder, 'не снимок.jpg');
  writeFileSync(bad, 'text');
  const args = ['experiment', 'notebook', image('square-112x112.png'), image('portrait-140x196.png'), bad];
  const options = ['--out', out, '--model', checkpoint, '--provider', 'cpu', '--language', 'ru'];
  const library = ['--library', path.join(folder, 'library')];
  const first = await runCli([...args, ...options, ...library]);
  expect(first.exitCode).toBe(2);
  expect(first.stderr).toContain('не снимок.jpg');
  const page = readFileSync(out, 'utf8');
  for (const said of [
    '2: square-112x112.png, portrait-140x196.png',
    'Descripte this image.',
    'В чём разница',
  ])
    expect(page).toContain(said);
  // Two photographs, and the four layers before the last.
  expect(page).toMatch(/в \d+ из 8 случаев/);
  expect(page).toMatch(/читается в ответе на \d из 2 снимков/);
  expect(page.match(/<polyline/g)).toHaveLength(5);
  const again = await runCli([...args.slice(0, 4), ...options, ...library]);
  expect(again.exitCode).toBe(2);
  expect(again.stderr).toContain('--overwrite');
  const replaced = await runCli([...args.slice(0, 4), ...options, ...library, '--overwrite']);
  expect(replaced).toMatchObject({ exitCode: 0, stderr: '' });
});

test('of files that are not there no page is left', async () => {
  const out = path.join(folder, 'none.html');
  const { exitCode, stderr } = await runCli([
    'experiment',
    'notebook',
    path.join(fixtures, 'nothing'),
    '--out',
    out,
  ]);
  expect(exitCode).toBe(2);
  expect(stderr).toContain('[');
  expect(() => readFileSync(out)).toThrow();
});
