import { execFileSync } from 'node:child_process';
import { mkdirSync, statSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import path from 'node:path';
import type { ConceptSet } from '../electron/engine/lens-trace/concept-set.ts';
import type { EngineTraceRequest } from '../electron/engine/process/messages.ts';
import type { ProviderChoice } from '../electron/engine/lens-trace/lens-trace.ts';
import { makeRandomCheckpoint, middleShape, type BenchDtype } from './checkpoints/random-checkpoint.ts';
import type { TraceMeasurement } from './trace-process.ts';

export interface EngineBenchOptions {
  /** Where the random checkpoint is kept between runs. */
  readonly folder: string;
  /** Virtual environment with torch and transformers; without it only our own numbers are printed. */
  readonly python: string | undefined;
  readonly dtype: BenchDtype;
  readonly repeat: number;
}

const root = path.resolve(import.meta.dirname, '..');
const image = path.join(root, 'data/samples/real/retina.jpg');
const prompt = 'Descripte this image. Answer with one word.';

/** The same work as the notebook's: no concepts but the one that a set must have. */
const plainSet: ConceptSet = {
  schema: 'fundus-lens.concept-set/1',
  id: 'plain',
  title: { en: 'Plain', ru: 'Простой' },
  concepts: [
    { id: 'retina', label: { en: 'Retina', ru: 'Сетчатка' }, role: 'target', forms: { en: ['retina'] } },
  ],
};

export interface NotebookMeasurement {
  readonly load_s: number;
  readonly trace_s: number;
  readonly forward_s: number;
  readonly lens_s: number;
  readonly peak_rss_bytes: number;
  /** null where torch ran on the cpu. */
  readonly peak_gpu_bytes: number | null;
  readonly dtype: string;
  readonly device: string;
}

/** Load, last-position trace, all-position trace and peak memory on a middle-size random checkpoint. */
export function runEngineBench({ folder, python, dtype, repeat }: EngineBenchOptions): string {
  mkdirSync(folder, { recursive: true });
  const modelDir = makeRandomCheckpoint(folder, middleShape, dtype);
  const weightBytes = statSync(path.join(modelDir, 'model.safetensors')).size;
  const lines = [
    `Middle-size random checkpoint: ${gigabytes(weightBytes)} of ${dtype} weights, hidden ${middleShape.hiddenSize}, ${middleShape.numLayers} layers, vocabulary ${middleShape.vocabSize}.`,
    `${availableParallelism()} cores; medians of ${repeat} warm runs after one; peak = resident memory of the whole process.`,
    '',
    'run                        load s   trace s   image   vision  decoder  lens     peak GB  over weights GB',
  ];
  for (const positions of ['last', 'all'] as const) {
    const ours = measureOurs({ modelDir, positions }, folder, repeat);
    lines.push(
      row(`ours, ${positions}`, ours, weightBytes),
      row('  another prompt', { ...ours, ...ours.again }, weightBytes),
    );
    if (python === undefined) continue;
    const theirs = measureNotebook(python, { modelDir, positions }, repeat);
    lines.push(
      `${`notebook’s way, ${positions}`.padEnd(26)} ${fixed(theirs.load_s)} ${fixed(theirs.trace_s)}   forward ${fixed(theirs.forward_s)}          ${fixed(theirs.lens_s)} ${fixed(theirs.peak_rss_bytes / 1e9)} ${fixed((theirs.peak_rss_bytes - weightBytes) / 1e9)}`,
      `  ratio: time ${(ours.trace / theirs.trace_s).toFixed(2)}, load ${(ours.load / theirs.load_s).toFixed(2)}, peak ${(ours.peakBytes / theirs.peak_rss_bytes).toFixed(2)}`,
    );
  }
  return lines.join('\n');
}

export interface OursOptions extends Pick<EngineTraceRequest, 'modelDir' | 'positions'> {
  readonly imagePath?: string;
  readonly maxPixels?: number | null;
  readonly provider?: ProviderChoice;
  /** Of the process; that of this one when left out. */
  readonly environment?: NodeJS.ProcessEnv;
  /** File for the numbers themselves. */
  readonly cellsFile?: string;
}

/** The trace that is measured; it asks for nothing beside the lens. */
export function benchRequest(options: OursOptions): EngineTraceRequest {
  const { modelDir, positions, imagePath = image, maxPixels = null, provider = 'cpu' } = options;
  return {
    modelDir,
    imagePath,
    maxPixels,
    prompt,
    lens: 'logit',
    positions,
    topK: 10,
    conceptSet: plainSet,
    provider,
    generate: 0,
    traceGenerated: false,
    controls: null,
    dumpPath: null,
  };
}

/** Traces in a process of its own: once to warm up, then `repeat` times. */
export function measureOurs(options: OursOptions, folder: string, repeat: number): TraceMeasurement {
  const { environment, cellsFile } = options;
  const file = path.join(folder, 'request.json');
  writeFileSync(file, JSON.stringify(benchRequest(options)));
  const script = path.join(import.meta.dirname, 'trace-process.ts');
  const cells = cellsFile === undefined ? [] : [cellsFile];
  const output = execFileSync(process.execPath, [script, file, `${repeat}`, ...cells], {
    encoding: 'utf8',
    ...(environment === undefined ? {} : { env: environment }),
  });
  return JSON.parse(output) as TraceMeasurement;
}

export interface NotebookOptions extends Pick<EngineTraceRequest, 'modelDir'> {
  readonly positions: 'last' | 'all';
  readonly imagePath?: string;
  /** float32 unless its weights do not fit into memory. */
  readonly dtype?: 'float32' | 'bfloat16';
  /** Whether torch uses a CUDA device where it finds one. */
  readonly gpu?: boolean;
}

/** What python is to run so that it does the same the notebook's way, with transformers. */
export function notebookArguments(
  { modelDir, positions, imagePath = image, dtype = 'float32', gpu = false }: NotebookOptions,
  repeat: number,
): readonly string[] {
  const script = path.join(root, 'models/reference/notebook_trace.py');
  const asked = ['--prompt', prompt, '--positions', positions, '--top-k', '10', '--repeat', `${repeat}`];
  return [script, modelDir, imagePath, ...asked, '--dtype', dtype, '--device', gpu ? 'auto' : 'cpu'];
}

/** The same the notebook's way, with transformers. */
export function measureNotebook(
  python: string,
  options: NotebookOptions,
  repeat: number,
): NotebookMeasurement {
  const output = execFileSync(path.join(python, 'bin/python'), notebookArguments(options, repeat), {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  return JSON.parse(output) as NotebookMeasurement;
}

export function row(
  label: string,
  { load, trace, stages, peakBytes }: TraceMeasurement,
  weightBytes: number,
): string {
  const { image: pixels, vision, decoder, lens } = stages;
  return [
    label.padEnd(26),
    ...[load, trace, pixels, vision, decoder, lens].map(fixed),
    fixed(peakBytes / 1e9),
    fixed((peakBytes - weightBytes) / 1e9),
  ].join(' ');
}

export function fixed(value: number): string {
  return value.toFixed(2).padStart(8);
}

function gigabytes(bytes: number): string {
  return `${(bytes / 1e9).toFixed(2)} GB`;
}
