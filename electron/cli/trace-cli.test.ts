import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import path from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import displayWidth from 'string-width';
import { lensTraceJsonSchema } from '../engine/lens-trace/lens-trace.ts';
import { checkpoint, childrenOf, fixtures, packageFolder, runCli } from './test-cli.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'снимки и следы '));
afterAll(() => rmSync(folder, { recursive: true }));

const image = (name: string) => path.join(fixtures, 'images', name);
const square = image('square-112x112.png');
const base = ['trace', '--model', checkpoint, '--provider', 'cpu'];

describe('trace', () => {
  test('--json - prints one valid trace and nothing else', async () => {
    const { exitCode, stdout, stderr } = await runCli([...base, square, '--json', '-', '--top-k', '4']);
    expect(stderr).toBe('');
    expect(exitCode).toBe(0);
    const trace = lensTraceJsonSchema.parse(JSON.parse(stdout));
    expect(trace.image).toMatchObject({ width: 112, height: 112, resized: [112, 112], grid: [1, 8, 8] });
    expect(trace.prompt.text).toBe('What is this image? Answer with one word.');
    expect(trace.positions).toEqual([trace.prompt.tokenIds.length - 1]);
    expect(trace.cells.topIds[0]![0]).toHaveLength(4);
    expect(trace.concepts.map(({ id }) => id)).toContain('optic-disc');
    expect(trace.model).toMatchObject({
      provider: 'cpu',
      providerFallback: null,
      device: cpus()[0]!.model.trim(),
      deviceMemoryUsedBytes: null,
    });
  });

  test('the picture fits 80 columns, has every layer, and no colour codes in a pipe', async () => {
    const { exitCode, stdout } = await runCli([...base, square, '--generate', '3', '--language', 'ru']);
    expect(exitCode).toBe(0);
    const lines = stdout.split('\n');
    for (const line of lines) expect(displayWidth(line), line).toBeLessThanOrEqual(80);
    for (const layer of [0, 1, 2, 3, 4]) expect(stdout).toMatch(new RegExp(`^ {4}${layer}[~ ]`, 'm'));
    expect(stdout).not.toContain('\u001b');
    expect(stdout).toContain('Что это за изображение? Ответьте одним словом.');
    expect(stdout).toContain('Answer: ');
    expect(stdout).toMatch(/sha256\s+[0-9a-f]{16}/);
  });

  test('several images, one of them bad: the others are traced, one line each, and the run says so', async () => {
    const bad = path.join(folder, 'не снимок.jpg');
    writeFileSync(bad, 'текст');
    const json = path.join(folder, 'следы.jsonl');
    const { exitCode, stderr, stdout } = await runCli([
      ...base,
      square,
      bad,
      image('portrait-140x196.png'),
      '--json',
      json,
    ]);
    expect(exitCode).toBe(2);
    expect(stderr).toContain('[image.unreadable]');
    expect(stderr).toContain(bad);
    expect(stdout).toContain('portrait-140x196.png');
    const traces = readFileSync(json, 'utf8').trimEnd().split('\n');
    expect(traces.map((line) => lensTraceJsonSchema.parse(JSON.parse(line)).image?.width)).toEqual([
      112, 140,
    ]);
  });

  test('Cyrillic folders with spaces, for the model, the image, the concepts and both outputs', async () => {
    const home = path.join(folder, 'Мои документы');
    mkdirSync(home);
    cpSync(checkpoint, path.join(home, 'модель ёж'), { recursive: true });
    cpSync(square, path.join(home, 'глазное дно.png'));
    const concept = {
      id: 'retina',
      label: { en: 'Retina', ru: 'Сетчатка' },
      role: 'target',
      forms: { ru: ['сетчатка'] },
    };
    const set = {
      schema: 'fundus-lens.concept-set/1',
      id: 'own',
      title: { en: 'Own', ru: 'Свой' },
      concepts: [concept],
    };
    writeFileSync(path.join(home, 'понятия.json'), JSON.stringify(set));
    const { exitCode, stderr } = await runCli(
      [
        ...[
          'trace',
          'глазное дно.png',
          '--model',
          'модель ёж',
          '--provider',
          'cpu',
          '--concepts',
          'понятия.json',
        ],
        ...['--prompt', 'Что на снимке сетчатки?', '--json', 'след.json', '--dump', 'состояния.safetensors'],
      ],
      { cwd: home },
    );
    expect(stderr).toBe('');
    expect(exitCode).toBe(0);
    const trace = lensTraceJsonSchema.parse(JSON.parse(readFileSync(path.join(home, 'след.json'), 'utf8')));
    expect(trace.concepts).toHaveLength(1);
    expect(trace.prompt.leaks).toEqual(['retina']);
    expect(readdirSync(home).sort()).toEqual(
      ['глазное дно.png', 'модель ёж', 'понятия.json', 'след.json', 'состояния.safetensors'].sort(),
    );
  });

  test('positions, the raw lens, and the prompt without an image', async () => {
    const { stdout, exitCode } = await runCli([
      ...[
        ...base,
        '--no-image',
        '--positions',
        '0,2-3',
        '--lens',
        'raw',
        '--preset',
        'describe',
        '--json',
        '-',
      ],
    ]);
    expect(exitCode).toBe(0);
    const trace = lensTraceJsonSchema.parse(JSON.parse(stdout));
    expect(trace).toMatchObject({ image: null, positions: [0, 2, 3], lens: 'raw' });
    expect(trace.prompt.imageSpan).toBeNull();
  });

  test('started by npm, paths are relative to where npm was called', async () => {
    cpSync(square, path.join(folder, 'здесь.png'));
    const env = { INIT_CWD: folder, npm_lifecycle_event: 'trace' };
    const { exitCode, stderr } = await runCli([...base, 'здесь.png', '--json', 'от npm.json'], {
      cwd: packageFolder,
      env,
    });
    expect(stderr).toBe('');
    expect(exitCode).toBe(0);
    expect(existsSync(path.join(folder, 'от npm.json'))).toBe(true);
  });

  /** Enough work that it is still going on when its first picture has appeared. */
  const manyImages = Array.from({ length: 60 }, (_, index) => path.join(folder, `снимок ${index}.png`));
  beforeAll(async () => {
    for (const [index, file] of manyImages.entries()) {
      await sharp(square)
        .modulate({ brightness: 0.5 + index / 60 })
        .toFile(file);
    }
  });
  const onLinux = test.runIf(process.platform === 'linux');

  onLinux('Ctrl-C ends with 130, keeps what is whole, and leaves no process', async () => {
    const json = path.join(folder, 'прервано.jsonl');
    let engines: readonly number[] = [];
    const { exitCode, stderr } = await runCli([...base, ...manyImages, '--json', json], {
      whileRunning: (child) =>
        child.stdout?.once('data', () => {
          engines = childrenOf(child.pid!);
          child.kill('SIGINT');
        }),
    });
    expect(exitCode).toBe(130);
    expect(stderr).toContain('[engine.cancelled]');
    const lines = readFileSync(json, 'utf8').trimEnd().split('\n');
    expect(stderr).toContain(`${lines.length} of 60 traces`);
    for (const line of lines) lensTraceJsonSchema.parse(JSON.parse(line));
    expect(engines).not.toHaveLength(0);
    for (const engine of engines) expect(existsSync(`/proc/${engine}`)).toBe(false);
    expect(readdirSync(folder).filter((name) => name.endsWith('.part'))).toEqual([]);
  });

  onLinux('a killed engine is told within two seconds, with exit code 3', async () => {
    let killedAt = Infinity;
    const { exitCode, stderr } = await runCli([...base, ...manyImages], {
      whileRunning: (child) =>
        child.stdout?.once('data', () => {
          killedAt = performance.now();
          // One engine reads the checkpoint for questions, the other one traces.
          for (const engine of childrenOf(child.pid!)) process.kill(engine, 'SIGKILL');
        }),
    });
    expect(performance.now() - killedAt).toBeLessThan(2000);
    expect(exitCode).toBe(3);
    expect(stderr).toContain('[engine.killed]');
    expect(stderr).toContain('SIGKILL');
  });
});

describe('inspect', () => {
  test('describes a checkpoint within 80 columns, and as JSON', async () => {
    const { exitCode, stdout } = await runCli(['inspect', checkpoint]);
    expect(exitCode).toBe(0);
    for (const line of stdout.split('\n')) expect(displayWidth(line), line).toBeLessThanOrEqual(80);
    expect(stdout).toContain('qwen2_5_vl');
    const json = await runCli(['inspect', checkpoint, '--json', '-']);
    expect(JSON.parse(json.stdout)).toMatchObject({ family: 'qwen2_5_vl', numLayers: 4, vocabSize: 640 });
  });
});

test('help is there for every command, and a wrong option is bad input', async () => {
  for (const args of [['--help'], ['trace', '--help'], ['inspect', '--help']]) {
    const { exitCode, stdout } = await runCli(args);
    expect(exitCode).toBe(0);
    for (const line of stdout.split('\n')) expect(displayWidth(line), line).toBeLessThanOrEqual(80);
  }
  expect(await runCli(['trace', '--positions', '5-1'])).toMatchObject({ exitCode: 2, stdout: '' });
  expect(await runCli(['trace', '--lens', 'tuned'])).toMatchObject({ exitCode: 2, stdout: '' });
  expect(await runCli(['look'])).toMatchObject({ exitCode: 2, stdout: '' });
});
