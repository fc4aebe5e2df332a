import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readZip } from '../workbench/exports/read-zip.test-data.ts';
import { checkpoint, fixtures, runCli } from './test-cli.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'fundus-lens строка '));
const library = path.join(folder, 'Мои снимки');
const env = { XDG_DATA_HOME: path.join(folder, 'data'), XDG_CACHE_HOME: path.join(folder, 'cache') };
const run = (...args: string[]) => runCli([...args, '--library', library], { env, cwd: folder });

beforeAll(() => {
  const source = path.join(folder, 'снимки', 'П-1');
  mkdirSync(source, { recursive: true });
  copyFileSync(path.join(fixtures, 'images', 'square-112x112.png'), path.join(source, 'глаз_OD.png'));
  copyFileSync(path.join(fixtures, 'images', 'tiny-45x38.png'), path.join(source, 'глаз_OS.png'));
  writeFileSync(path.join(source, 'broken.jpg'), 'no image');
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('a study from the command line', () => {
  test('import lists the good and the bad, and says so in its exit code', async () => {
    const report = path.join(folder, 'отчёт.csv');
    const result = await run(
      'import',
      path.join(folder, 'снимки'),
      '--folder-rule',
      'patient',
      '--tag',
      'проба',
      '--report',
      report,
    );
    expect(result.stdout).toMatch(/Import 1: done; 2 added, 1 (failed|skipped)/);
    expect(result.exitCode).toBe(result.stdout.includes('failed') ? 2 : 0);
    expect(readFileSync(report, 'utf8')).toContain('broken.jpg');
  });

  test('list and search find them', async () => {
    const list = await run('list', '--patient', 'П-1');
    expect(list.stdout).toContain('глаз_OD.png');
    expect(list.stdout).toContain('2 images');
    const search = await run('search', 'проба', '--eye', 'L', '--json');
    expect(JSON.parse(search.stdout)).toMatchObject({
      total: 1,
      images: [{ laterality: 'L', patientCode: 'П-1' }],
    });
    const nobody = await run('list', '--patient', 'nobody');
    expect(nobody).toMatchObject({ exitCode: 2, stdout: '' });
    expect(nobody.stderr).toContain('no such patient');
  });

  test('a patient is shown by visit, and put right', async () => {
    const shown = await run('patient', 'П-1', '--birth-year', '1950', '--sex', 'F');
    expect(shown.stdout).toContain('П-1 · F · born 1950');
    expect(shown.stdout).toMatch(/^–\s+#\d+\s+#\d+\s+0\s+0$/m);
    const refused = await run('patient', 'П-1', '--split', '1');
    expect(refused).toMatchObject({ exitCode: 2, stdout: '' });
    expect(refused.stderr).toContain('--to');
    expect((await run('patient', 'П-1', '--rename', 'П-01')).stdout).toContain('П-01 · F');
    const json = await run('patient', 'П-01', '--rename', 'П-1', '--json');
    expect(JSON.parse(json.stdout)).toMatchObject({ patient: { code: 'П-1', birthYear: 1950 } });
  });

  test('trace keeps its traces in the library, and a second run has nothing to do', async () => {
    const args = ['trace', '--model', checkpoint, '--top-k', '5'];
    const first = await run(...args);
    expect(first).toMatchObject({ exitCode: 0, stdout: '2 of 2 traced; 0 of them before\n' });
    const second = await run(...args);
    expect(second.stdout).toBe('2 of 2 traced; 2 of them before\n');
    expect((await run('jobs')).stdout).toContain('2 done');
    expect((await run('list', '--untraced')).stdout).toBe('No images.\n');
  });

  test('compare, export, backup, restore and verify', async () => {
    const compared = await run('compare', '1', '2');
    expect(compared.stdout).toContain('Jensen–Shannon');
    const file = path.join(folder, 'результат.parquet');
    expect(await run('export', 'traces', '--out', file)).toMatchObject({ exitCode: 0 });
    expect(readFileSync(file).subarray(0, 4).toString()).toBe('PAR1');
    const refused = await run('export', 'study', '--out', path.join(folder, 'study.zip'), '--deidentify');
    expect(refused.exitCode).toBe(2);
    expect(refused.stderr).toContain('burned');
    expect(existsSync(path.join(folder, 'study.zip'))).toBe(false);
    const film = path.join(folder, 'film.gif');
    expect(await run('export', 'animation', '--traces', '1', '--speed', '2', '-o', film)).toMatchObject({
      exitCode: 0,
    });
    const { pages, delay } = await sharp(film, { pages: -1 }).metadata();
    expect(pages).toBeGreaterThan(2);
    expect(delay![0]).toBe(500);
    const webm = path.join(folder, 'film.webm');
    const lying = await run('export', 'animation', '--traces', '1', '-o', webm);
    expect(lying).toMatchObject({ exitCode: 2 });
    expect(lying.stderr).toContain('.gif, .webp, .zip');
    expect(existsSync(webm)).toBe(false);
    const backup = await run('backup');
    const [name] = /backup-\S+\.sqlite/.exec(backup.stdout)!;
    expect((await run('restore', name)).stdout).toContain('2 images, 2 traces');
    expect(await run('verify')).toMatchObject({ exitCode: 0 });
    expect(backup.stdout).toContain('Photographs are not in it');
  });

  test('a report is what its name says; hidden states are of every trace that is named, or of none', async () => {
    const pdf = path.join(folder, 'отчёт.pdf');
    expect(await run('export', 'report', '--out', pdf)).toMatchObject({ exitCode: 0 });
    expect(readFileSync(pdf).subarray(0, 5).toString()).toBe('%PDF-');
    const lying = await run('export', 'report', '--out', path.join(folder, 'отчёт.docx'));
    expect(lying).toMatchObject({ exitCode: 2 });
    expect(lying.stderr).toContain('.pdf, .html');
    const states = path.join(folder, 'states.zip');
    const dump = (traces: string) =>
      run('export', 'hidden-states', '--traces', traces, '--layers', '0', '--format', 'npy', '--out', states);
    const missing = await dump('1-842');
    expect(missing).toMatchObject({ exitCode: 2 });
    expect(missing.stderr).toMatch(/trace 3\b/);
    expect(existsSync(states)).toBe(false);
    expect(await dump('1-2')).toMatchObject({ exitCode: 0 });
    const entries = await readZip(readFileSync(states));
    for (const trace of [1, 2]) expect(entries.has(`trace-${trace}/hidden-states.npy`)).toBe(true);
  });

  test('everything is written to one file, and a library is made of it elsewhere', async () => {
    const zip = path.join(folder, 'все.zip');
    const made = await run('backup', '--everything', zip);
    expect(made).toMatchObject({ exitCode: 0 });
    expect(made.stdout).toContain('2 photographs');
    const elsewhere = path.join(folder, 'другая библиотека');
    const restored = await runCli(['restore', zip, '--library', elsewhere], { env });
    expect(restored.stdout).toContain('2 images, 2 traces');
    // The photographs were used where they lay; the copy has its own.
    expect(readdirSync(path.join(elsewhere, 'originals'), { recursive: true }).join()).toMatch(
      /\.(?:png|jpg)/,
    );
    expect(await runCli(['verify', '--library', elsewhere], { env })).toMatchObject({ exitCode: 0 });
    const again = await runCli(['restore', zip, '--library', elsewhere], { env });
    expect(again.stderr).toContain('an empty folder');
    const cut = path.join(folder, 'cut.zip');
    writeFileSync(cut, readFileSync(zip).subarray(0, 30_000));
    const nowhere = path.join(folder, 'нигде');
    const refused = await runCli(['restore', cut, '--library', nowhere], { env });
    expect(refused.exitCode).toBe(2);
    expect(existsSync(nowhere)).toBe(false);
  });

  test('a library that is not there is said so, and none is made', async () => {
    const nowhere = path.join(folder, 'nowhere');
    const result = await runCli(['list', '--library', nowhere], { env });
    expect(result).toMatchObject({ exitCode: 2, stdout: '' });
    expect(result.stderr).toContain('library.unavailable');
    expect(existsSync(nowhere)).toBe(false);
  });
});
