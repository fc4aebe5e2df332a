import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, expect, test, vi } from 'vitest';
import { experimentResultsSchema } from '../../contract/experiments.ts';
import { checkpoint, fixtures, runCli } from '../test-cli.ts';

// Nothing here is judged by its speed.
vi.setConfig({ testTimeout: 600_000 });
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
    'square-112x112.png',
    'portrait-140x196.png',
    'Descripte this image.',
    'В чём разница',
    'Гипотеза (',
  ])
    expect(page).toContain(said);
  // Two photographs, and the four layers before the last.
  expect(page).toMatch(/в \d+ из 8 случаев/);
  // A checkpoint of random weights may have no word that tells the concept apart.
  expect(page).toMatch(
    /читается там, где начинается ответ, на \d из 2 снимков|нельзя было спросить ни для одного из 2 снимков/,
  );
  const plan = /plan ([0-9a-f]{64})/.exec(first.stdout)![1]!;
  expect(page).toContain(plan);
  const again = await runCli([...args.slice(0, 4), ...options, ...library]);
  expect(again.exitCode).toBe(2);
  expect(again.stderr).toContain('--overwrite');
  const replaced = await runCli([...args.slice(0, 4), ...options, ...library, '--overwrite']);
  expect(replaced).toMatchObject({ exitCode: 0, stderr: '' });
  expect(replaced.stdout).toContain(plan);
  const listed = await runCli(['experiment', 'list', ...library]);
  expect(listed.stdout).toMatch(/4 of 4 +done/);
  expect(listed.stdout.trim().split('\n')).toHaveLength(2);
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

test('a file is written, changed, run and shared; what was fixed may not be changed afterwards', async () => {
  const source = path.join(folder, 'снимки');
  mkdirSync(source);
  copyFileSync(image('square-112x112.png'), path.join(source, 'a.png'));
  copyFileSync(image('portrait-140x196.png'), path.join(source, 'b.png'));
  const plan = path.join(folder, 'план.yaml');
  const written = await runCli(
    ['experiment', 'notebook', 'снимки', '--model', checkpoint, '--write', 'план.yaml'],
    { cwd: folder },
  );
  expect(written).toMatchObject({ exitCode: 0, stderr: '' });
  const library = ['--library', path.join(folder, 'другая')];
  const outputs = ['html', 'pdf', 'zip', 'csv', 'parquet', 'json', 'yaml'].map((ending) =>
    path.join(folder, `итог.${ending}`),
  );
  const run = await runCli(['experiment', 'run', plan, ...library, ...outputs.flatMap((out) => ['-o', out])]);
  expect(run.stderr).toBe('');
  expect(run.exitCode).toBe(0);
  expect(readFileSync(outputs[1]!).subarray(0, 5).toString()).toBe('%PDF-');
  const zip = readFileSync(outputs[2]!);
  for (const name of [
    'experiment.yaml',
    'results.pdf',
    'results.parquet',
    'figures/1-notebook.png',
    'figures/2-retina.svg',
    'study.json',
    'SHA256SUMS',
  ])
    // prettier-ignore
    expect({ name, there: zip.includes(name) }).toEqual({ name, there: true });
  const csv = readFileSync(outputs[3]!, 'utf8');
  expect(csv).toContain('log_odds_nats');
  const results = experimentResultsSchema.parse(JSON.parse(readFileSync(outputs[5]!, 'utf8')));
  expect(results.photographs).toHaveLength(2);
  const [hypothesis] = results.hypotheses;
  expect(hypothesis).toMatchObject({ concept: 'retina' });
  // Two patients can show nothing about a share; a vocabulary of a fixture may not have the word at all.
  expect(['undecided', 'not-asked']).toContain(hypothesis!.verdict);
  expect(hypothesis!.patients).toBe(hypothesis!.verdict === 'not-asked' ? 0 : 2);

  const again = await runCli(['experiment', 'run', outputs[6]!, ...library]);
  expect(again).toMatchObject({ exitCode: 0, stderr: '' });
  const changed = path.join(folder, 'изменённый.yaml');
  writeFileSync(changed, readFileSync(outputs[6]!, 'utf8').replace('share: 0.5', 'share: 0.1'));
  const refused = await runCli(['experiment', 'run', changed, ...library]);
  expect(refused.exitCode).toBe(2);
  expect(refused.stderr).toContain('[experiment.changed]');
  writeFileSync(changed, 'schema: fundus-lens.experiment/1\ntitle: x\nprompts: []\n');
  const invalid = await runCli(['experiment', 'run', changed, ...library]);
  expect(invalid.stderr).toContain('[experiment.invalid]');
  expect(invalid.stderr).toContain('photographs');
});
