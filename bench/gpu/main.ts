/**
 * Measures the engine on a GPU at the released sizes, transformers beside it on the same device, and writes gpu.json and gpu.md
 * after every step, so that a run that is cut off leaves what it had. Start it with bench/gpu.sh.
 */

import { mkdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { availableParallelism, release, tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import sharp from 'sharp';
import { providerNames, type ProviderName } from '../../electron/engine/lens-trace/lens-trace.ts';
import { weightFormats, type WeightFormat } from '../../electron/contract/models/prepared-model.ts';
import { listProviders } from '../../electron/engine/runtime/providers.ts';
import { benchRequest, notebookArguments, type NotebookMeasurement } from '../engine.ts';
import type { PrepareMeasurement } from '../prepare-process.ts';
import { fullShapes } from '../checkpoints/random-checkpoint.ts';
import type { TraceMeasurement } from '../trace-process.ts';
import { writeMarkdown, type GpuReport, type Precision } from './report.ts';
import { runChild } from './run-child.ts';
import { watchMemory } from './watch-memory.ts';

type ShapeName = keyof typeof fullShapes;

const { values: options } = parseArgs({
  options: {
    out: { type: 'string', default: 'gpu-results' },
    /** Where checkpoints are made; 40 GB for the largest. Memory (/dev/shm) where there is enough of it. */
    work: { type: 'string' },
    /** With torch and transformers. */
    python: { type: 'string' },
    shapes: { type: 'string', default: '2B,7B,3B' },
    formats: { type: 'string', default: 'int4,float16,int8' },
    providers: { type: 'string', default: 'webgpu,cuda' },
    positions: { type: 'string', default: 'last,all' },
    precisions: { type: 'string', default: 'bfloat16,float32' },
    depth: { type: 'string' },
    'max-pixels': { type: 'string' },
    repeat: { type: 'string', default: '5' },
    parity: { type: 'string', default: 'all' },
    /** Of one measurement, and of preparing one model. */
    patience: { type: 'string', default: '240' },
    /** No step begins after so many. */
    seconds: { type: 'string', default: '86400' },
  },
});
const pick = <T extends string>(text: string, known: readonly T[]): T[] =>
  known.length === 0 ? [] : text.split(',').flatMap((name) => known.filter((one) => one === name));
const shapes = pick(options.shapes, Object.keys(fullShapes) as ShapeName[]);
const formats = pick(options.formats, weightFormats);
const precisions = pick<Precision>(options.precisions, ['bfloat16', 'float32']);
const positions = pick(options.positions, ['last', 'all']);
const patience = Number(options.patience);
const deadline = performance.now() + 1000 * Number(options.seconds);
const { python } = options;
const work = options.work ?? chooseWork();
const bench = path.resolve(import.meta.dirname, '..');
mkdirSync(options.out, { recursive: true });
mkdirSync(work, { recursive: true });

const report: GpuReport = {
  began: new Date().toISOString().slice(0, 16).replace('T', ' '),
  options: { ...options, work },
  machine: {
    system: `${process.platform} ${release()}`,
    cores: availableParallelism(),
    gpu: await runChild(
      'nvidia-smi',
      ['--query-gpu=name,memory.total,driver_version', '--format=csv,noheader'],
      {
        seconds: 30,
      },
    ).then(
      (text) => text.trim().replaceAll('\n', '; '),
      () => '',
    ),
  },
  providers: null,
  parity: [],
  prepared: [],
  ours: [],
  transformers: [],
  notes: [],
};
save();

const image = path.join(work, 'notebook.png');
await sharp(path.join(bench, '../data/samples/real/retina.jpg'))
  .resize(1026, 684, { fit: 'fill' })
  .png()
  .toFile(image);

/** Models that are being prepared now. */
let preparing = 0;
const preparations = prepareAll();

await step('providers', async () => {
  report.providers = await listProviders();
});
const working = (report.providers?.providers ?? []).flatMap(({ provider, works }) =>
  works ? [provider] : [],
);
const providers = pick(options.providers, providerNames).filter((name) => {
  const works = working.includes(name);
  if (!works) report.notes.push(`${name} does not work here and is left out`);
  return works;
});
if (options.parity !== 'none')
  for (const provider of providers) await step(`parity on ${provider}`, () => checkParity(provider));
for (const shape of shapes) {
  for (const format of formats) {
    const model = await preparations.get(`${shape} ${format}`)!;
    if (model === null) continue;
    for (const provider of providers)
      for (const which of positions)
        await step(`${shape} ${format} ${provider} ${which}`, () =>
          measure(shape, format, provider, which, model),
        );
    rmSync(model, { recursive: true, force: true });
    // The notebook's way once the first format is measured, so that a short run has both.
    if (format === formats[0]) await measureTransformers(shape, 'bfloat16');
  }
  await measureTransformers(shape, 'float32');
  const source = await preparations.get(shape)!;
  if (source !== null) rmSync(source, { recursive: true, force: true });
}

/** Makes the checkpoints side by side, then prepares one model after the other, in the order in which they are measured. */
function prepareAll(): ReadonlyMap<string, Promise<string | null>> {
  const made = new Map<string, Promise<string | null>>();
  const depth = options.depth === undefined ? [] : [options.depth];
  let last: Promise<unknown> = Promise.resolve();
  for (const shape of shapes) {
    const source = runChild(
      process.execPath,
      [path.join(bench, 'gpu/make-checkpoint.ts'), work, shape, ...depth],
      {
        seconds: 4 * patience,
        background: true,
      },
    ).catch(note(`the checkpoint of ${shape}`));
    made.set(shape, source);
    for (const format of formats) {
      const model = last.then(async () => {
        const folder = await source;
        return folder === null ? null : prepare(shape, format, folder);
      });
      made.set(`${shape} ${format}`, model);
      last = model;
    }
  }
  return made;
}

async function prepare(shape: ShapeName, format: WeightFormat, source: string): Promise<string | null> {
  const target = `${source}-${format}`;
  preparing++;
  try {
    rmSync(target, { recursive: true, force: true });
    const args = [path.join(bench, 'prepare-process.ts'), source, target, format];
    const text = await runChild(process.execPath, args, { seconds: 4 * patience, background: true });
    report.prepared.push({ shape, format, measured: JSON.parse(text) as PrepareMeasurement });
    say(`prepared ${shape} ${format}`);
    return target;
  } catch (error) {
    return note(`preparing ${shape} ${format}`)(error);
  } finally {
    preparing--;
  }
}

async function checkParity(provider: ProviderName): Promise<void> {
  const names = options.parity === 'all' ? [] : options.parity.split(',');
  const args = [path.join(bench, 'gpu/parity.ts'), work, provider, ...names];
  const text = await runChild(process.execPath, args, { seconds: patience });
  for (const line of text.trim().split('\n'))
    report.parity.push({ ...(JSON.parse(line) as GpuReport['parity'][number]), provider });
}

async function measure(
  shape: ShapeName,
  format: WeightFormat,
  provider: ProviderName,
  which: 'last' | 'all',
  modelDir: string,
): Promise<void> {
  const file = path.join(work, 'request.json');
  const maxPixels = options['max-pixels'] === undefined ? null : Number(options['max-pixels']);
  writeFileSync(
    file,
    JSON.stringify(benchRequest({ modelDir, positions: which, imagePath: image, maxPixels, provider })),
  );
  const busy = preparing > 0;
  const run = { shape, format, provider, positions: which, busy };
  try {
    const { result, bytes } = await watchMemory(() =>
      runChild(process.execPath, [path.join(bench, 'trace-process.ts'), file, options.repeat], {
        seconds: patience,
      }),
    );
    const measured = JSON.parse(result) as TraceMeasurement;
    report.ours.push({ ...run, measured, gpuBytes: bytes, failure: null });
  } catch (error) {
    report.ours.push({ ...run, measured: null, gpuBytes: null, failure: messageOf(error) });
  }
}

async function measureTransformers(shape: ShapeName, dtype: Precision): Promise<void> {
  const modelDir = await preparations.get(shape)!;
  if (python === undefined || modelDir === null || !precisions.includes(dtype)) return;
  for (const which of positions) {
    await step(`${shape} transformers ${dtype} ${which}`, async () => {
      const run = { shape, dtype, positions: which, busy: preparing > 0 };
      const args = notebookArguments(
        { modelDir, positions: which, imagePath: image, dtype, gpu: true },
        Number(options.repeat),
      );
      try {
        const { result, bytes } = await watchMemory(() => runChild(python, args, { seconds: patience }));
        const measured = JSON.parse(result) as NotebookMeasurement;
        report.transformers.push({ ...run, measured, gpuBytes: bytes, failure: null });
      } catch (error) {
        report.transformers.push({ ...run, measured: null, gpuBytes: null, failure: messageOf(error) });
      }
    });
  }
}

async function step(name: string, run: () => Promise<void>): Promise<void> {
  if (performance.now() > deadline) {
    report.notes.push(`${name}: no time was left`);
  } else {
    const began = performance.now();
    await run().catch(note(name));
    say(`${name}: ${((performance.now() - began) / 1000).toFixed(1)} s`);
  }
  save();
}

function note(what: string): (error: unknown) => null {
  return (error) => {
    report.notes.push(`${what} failed: ${messageOf(error)}`);
    say(report.notes.at(-1)!);
    return null;
  };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function save(): void {
  writeFileSync(path.join(options.out, 'gpu.json'), `${JSON.stringify(report, null, 1)}\n`);
  writeFileSync(path.join(options.out, 'gpu.md'), writeMarkdown(report));
}

function say(line: string): void {
  process.stdout.write(`${(performance.now() / 1000).toFixed(0).padStart(4)} s  ${line}\n`);
}

/** Memory, where 60 GB of it are free as files; else the disk. */
function chooseWork(): string {
  try {
    const { bavail, bsize } = statfsSync('/dev/shm');
    if (bavail * bsize > 60e9) return '/dev/shm/fundus-lens-gpu';
  } catch {
    // There is none.
  }
  return path.join(tmpdir(), 'fundus-lens-gpu');
}
