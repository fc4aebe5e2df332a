import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { availableParallelism, totalmem } from 'node:os';
import path from 'node:path';
import sharp from 'sharp';
import type { ProviderChoice } from '../electron/engine/lens-trace/lens-trace.ts';
import type { WeightFormat } from '../electron/contract/models/prepared-model.ts';
import { unpackSwiftShader } from '../electron/engine/runtime/swiftshader.ts';
import { calibrationImages } from '../electron/workbench/models/own-images.ts';
import { fixed, measureNotebook, measureOurs, row, type NotebookMeasurement } from './engine.ts';
import type { PrepareMeasurement } from './prepare-process.ts';
import { fullShapes, makeRandomCheckpoint, reduceDepth } from './checkpoints/random-checkpoint.ts';
import type { TraceNumbers } from './trace-process.ts';

export interface FullBenchOptions {
  /** Where random checkpoints are kept between runs; the largest takes 17 GB, and its prepared weights 7 GB more. */
  readonly folder: string;
  readonly shape: keyof typeof fullShapes;
  /** Blocks of decoder and vision tower; all when left out. */
  readonly depth: number | undefined;
  readonly format: WeightFormat;
  /** Photographs that int4 weights are calibrated on; 0 leaves it out. */
  readonly calibrationImages: number;
  readonly provider: ProviderChoice;
  /** Whether webgpu runs on the software driver that the tests use. */
  readonly softwareGpu: boolean;
  /** Less detail of the photograph, for a software GPU; null for all 888 image tokens. */
  readonly maxPixels: number | null;
  readonly python: string | undefined;
  readonly positions: readonly ('last' | 'all')[];
  readonly repeat: number;
}

const samples = path.resolve(import.meta.dirname, '../data/samples');
const say = (line: string) => process.stdout.write(`${line}\n`);
const gigabytes = (bytes: number) => (bytes / 1e9).toFixed(2);

/** Prepare, load, last- and all-position trace of the notebook's photograph (888 image tokens) at a released size. */
export async function runFullBench(options: FullBenchOptions): Promise<void> {
  const { folder, shape, depth, format, provider, maxPixels, python, repeat } = options;
  mkdirSync(folder, { recursive: true });
  const whole = fullShapes[shape];
  const source = makeRandomCheckpoint(
    folder,
    depth === undefined ? whole : reduceDepth(whole, depth),
    'BF16',
  );
  const image = path.join(folder, 'notebook.png');
  const photograph = path.join(samples, 'real/retina.jpg');
  await sharp(photograph).resize(1026, 684, { fit: 'fill' }).png().toFile(image);
  const depthText = depth === undefined ? '' : `, ${depth} blocks of it`;
  say(`Random checkpoint of the true ${shape} shape${depthText}; ${availableParallelism()} cores.`);
  const prepared = prepare(source, format, calibrationImages(samples).slice(0, options.calibrationImages));
  say(
    'run                        load s   trace s   image   vision  decoder  lens     peak GB  over weights GB',
  );
  for (const positions of options.positions) {
    const common = { modelDir: prepared.folder, imagePath: image, maxPixels, positions };
    const environment = options.softwareGpu ? softwareGpu() : undefined;
    const cellsFile = path.join(folder, 'cells.json');
    const ours = measureOurs(
      { ...common, provider, cellsFile, ...(environment === undefined ? {} : { environment }) },
      folder,
      repeat,
    );
    say(`${ours.imageTokens} image tokens of ${ours.sequenceLength} positions`);
    say(row(`ours, ${positions}, ${ours.provider}`, ours, prepared.bytes));
    if (ours.again !== null)
      say(row('  another prompt', { ...ours, ...ours.again, load: 0 }, prepared.bytes));
    if (ours.provider !== 'cpu') {
      say(`  on ${ours.device ?? 'a device without a name'}`);
      const found = readNumbers(cellsFile);
      const cpu = measureOurs({ ...common, cellsFile }, folder, repeat);
      say(row(`ours, ${positions}, cpu`, cpu, prepared.bytes));
      say(`  ${compareNumbers(found, readNumbers(cellsFile))}`);
    }
    if (python === undefined) continue;
    const dtype = fitsAsFloat32(source) ? 'float32' : 'bfloat16';
    const gpu = provider !== 'cpu';
    const theirs = measureNotebook(
      python,
      { modelDir: source, positions, imagePath: image, dtype, gpu },
      repeat,
    );
    say(notebookRow(positions, theirs));
    say(
      `  ratio: time ${(ours.trace / theirs.trace_s).toFixed(2)}, load ${(ours.load / theirs.load_s).toFixed(2)}, peak ${(ours.peakBytes / theirs.peak_rss_bytes).toFixed(2)}`,
    );
  }
}

function prepare(
  source: string,
  format: WeightFormat,
  images: readonly string[],
): { readonly folder: string; readonly bytes: number } {
  const target = `${source}-${format}`;
  rmSync(target, { recursive: true, force: true });
  const script = path.join(import.meta.dirname, 'prepare-process.ts');
  const measured = JSON.parse(
    execFileSync(process.execPath, [script, source, target, format, ...images], { encoding: 'utf8' }),
  ) as PrepareMeasurement;
  const { seconds, peakBytes, weightBytes } = measured;
  say(
    `prepare ${format}${images.length === 0 ? '' : `, calibrated on ${images.length}`}: ${seconds.toFixed(1)} s, peak ${gigabytes(peakBytes)} GB, ${gigabytes(weightBytes)} GB written`,
  );
  return { folder: target, bytes: weightBytes };
}

function notebookRow(positions: string, theirs: NotebookMeasurement): string {
  const gpu = theirs.peak_gpu_bytes === null ? '' : `, GPU ${gigabytes(theirs.peak_gpu_bytes)}`;
  return [
    `notebook’s way, ${positions}`.padEnd(26),
    fixed(theirs.load_s),
    fixed(theirs.trace_s),
    `  ${theirs.dtype} on ${theirs.device}; forward ${theirs.forward_s.toFixed(2)}, lens ${theirs.lens_s.toFixed(2)};`,
    `peak ${gigabytes(theirs.peak_rss_bytes)} GB${gpu}`,
  ].join(' ');
}

/** Its bfloat16 weights twice over, and a fifth for everything else. */
function fitsAsFloat32(source: string): boolean {
  const { size } = statSync(path.join(source, 'model.safetensors'));
  return 2 * size * 1.2 < totalmem();
}

let driver: NodeJS.ProcessEnv | undefined;

function softwareGpu(): NodeJS.ProcessEnv {
  driver ??= unpackSwiftShader()?.environment;
  if (driver === undefined) throw new Error('The software driver is there on 64-bit Linux only.');
  return driver;
}

function readNumbers(file: string): TraceNumbers {
  return JSON.parse(readFileSync(file, 'utf8')) as TraceNumbers;
}

/** How far two providers' numbers are apart. */
function compareNumbers(a: TraceNumbers, b: TraceNumbers): string {
  const largest = (x: readonly number[], y: readonly number[]) =>
    x.reduce((most, value, index) => Math.max(most, Math.abs(value - y[index]!)), 0).toExponential(1);
  const rows = a.topIds.length / a.topK;
  let same = 0;
  for (let row = 0; row < rows; row++) if (a.topIds[row * a.topK] === b.topIds[row * b.topK]) same++;
  return `largest differences, nats: top-${a.topK} ${largest(a.topLogProbs, b.topLogProbs)}, entropy ${largest(a.entropy, b.entropy)}, divergence ${largest(a.klToFinal, b.klToFinal)}; same top token in ${same} of ${rows}`;
}
