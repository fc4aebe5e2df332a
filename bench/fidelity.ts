import { mkdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import type { FidelityReport } from '../electron/engine/lens-trace/fidelity-report.ts';
import type { PrepareOptions, PreparedManifest } from '../electron/contract/models/prepared-model.ts';
import { verifyModel } from '../electron/engine/fidelity/verify-model.ts';
import { prepareModel } from '../electron/engine/quantize/prepare-model.ts';
import { builtInConceptSets } from '../electron/bundled/concept-sets.ts';
import { languages, presetText } from '../electron/bundled/prompt-presets.ts';
import { describeCheckpoint } from './checkpoints/checkpoint-statistics.ts';
import { makeLifelikeCheckpoint } from './checkpoints/lifelike-checkpoint.ts';

const root = path.resolve(import.meta.dirname, '..');
const inData = (names: readonly string[]) => names.map((name) => path.join(root, 'data', name));

/** Read by the lens, and never used to calibrate. */
const judgedImages = inData([
  'samples/real/retina.jpg',
  'samples/SYN-001/2025-03-14/SYN-001_OD_2025-03-14.jpg',
  'samples/SYN-003/2024-05-21/SYN-003_OS_2024-05-21.jpg',
  'samples/SYN-006/2025-04-08/SYN-006_OD_2025-04-08.jpg',
  'samples/SYN-009/2025-04-15/SYN-009_OS_2025-04-15.jpg',
  'controls/coffee.jpg',
  'controls/chest-xray.jpg',
  'controls/noise.png',
]);

/** Looked at by calibration, and never judged: other patients, other controls. */
const calibrationImages = inData([
  'samples/SYN-002/2024-02-06/SYN-002_OS_2024-02-06.jpg',
  'samples/SYN-002/2025-02-18/SYN-002_OD_2025-02-18.jpg',
  'samples/SYN-005/2024-11-12/SYN-005_OD_2024-11-12.jpg',
  'samples/SYN-007/2024-09-17/SYN-007_OS_2024-09-17.jpg',
  'samples/SYN-007/2025-01-22/SYN-007_OD_2025-01-22.jpg',
  'samples/SYN-008/2025-02-25/SYN-008_OD_2025-02-25.jpg',
  'controls/oct.jpg',
  'controls/blank.png',
]);

/** Lowest share of top tokens that every layer is to keep. */
const aims = { float16: 1, int8: 0.99, int4: 0.95 } as const;

/** Prepares a checkpoint, judges it on every image with two questions in both languages, and prints it by layer. */
async function measureFidelity(
  source: string,
  folder: string,
  options: PrepareOptions,
  images: readonly string[],
): Promise<{ readonly report: FidelityReport; readonly manifest: PreparedManifest }> {
  const target = path.join(folder, `${path.basename(source)}-${options.format}`);
  rmSync(target, { recursive: true, force: true });
  const manifest = await prepareModel({ source, target, ...options }, {});
  const prompts = languages.flatMap((language) =>
    ['one-word', 'describe'].map((preset) => presetText(preset, language)),
  );
  const report = await verifyModel(
    { prepared: target, reference: source, images, prompts, conceptSet: builtInConceptSets[0]! },
    {},
  );
  rmSync(target, { recursive: true });
  return { report, manifest };
}

/** What is printed of a checkpoint: the usual ways, and what int4 and int8 would be without what makes them truer. */
const variants: readonly (PrepareOptions & { readonly title: string })[] = [
  { title: 'float16', format: 'float16' },
  { title: 'int8', format: 'int8' },
  {
    title: 'int8, sensitive parts too',
    format: 'int8',
    keep: { unembedding: 'int8', vision: 'int8', firstBlock: 'int8' },
  },
  { title: 'int4, calibrated', format: 'int4', calibration: calibration() },
  { title: 'int4, not calibrated', format: 'int4' },
];

/** As the software calibrates by itself; "describe" is judged and not among the prompts. */
function calibration(): NonNullable<PrepareOptions['calibration']> {
  const presets = ['one-word', 'protocol', 'notebook'];
  return {
    images: calibrationImages,
    prompts: presets.flatMap((id) => languages.map((language) => presetText(id, language))),
  };
}

/**
 * How true every format is, layer by layer, beside what is aimed at: of the demonstration checkpoint, and of a generated
 * one whose statistics are printed first.
 */
export async function runFidelityBench(folder: string): Promise<void> {
  mkdirSync(folder, { recursive: true });
  const say = (text: string) => process.stdout.write(`${text}\n`);
  await compareFormats(path.join(root, 'models/demo'), folder, judgedImages, say);
  const lifelike = makeLifelikeCheckpoint(folder);
  // Few images: every row is unembedded over a large vocabulary, twice.
  const few = [judgedImages[0]!, judgedImages[5]!, judgedImages[1]!];
  say(await describeCheckpoint(lifelike, few, presetText('describe', 'en')));
  await compareFormats(lifelike, folder, few, say);
}

async function compareFormats(
  source: string,
  folder: string,
  images: readonly string[],
  say: (text: string) => void,
): Promise<void> {
  for (const { title, ...options } of variants) {
    const { report, manifest } = await measureFidelity(source, folder, options, images);
    say(`${path.basename(source)} as ${title}\n${drawReport(report, manifest, aims[options.format])}`);
  }
}

function drawReport(
  { layers, summary, cases, positions }: FidelityReport,
  { files }: PreparedManifest,
  aim: number,
): string {
  const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
  const rows = layers.map((layer) =>
    [
      String(layer.layer).padStart(5),
      percent(layer.top1Agreement),
      percent(layer.top1AgreementClear),
      layer.meanKl.toExponential(1).padStart(8),
      layer.maxKl.toExponential(1).padStart(8),
      (layer.conceptRankCorrelation ?? NaN).toFixed(4).padStart(7),
      layer.residualError.toExponential(1).padStart(8),
      layer.top1Agreement < aim ? '  below the aim' : '',
    ].join('  '),
  );
  return [
    'layer    top-1    clear   mean KL   max KL   ranks   residual',
    ...rows,
    `  all  ${percent(summary.top1Agreement)}  ${percent(summary.top1AgreementClear)}  worst layer ${percent(summary.worstLayerTop1Agreement).trim()}, aim ${percent(aim).trim()}`,
    `emergence changed ${summary.emergenceChanged} of ${summary.emergenceCompared}; ${cases.length} cases, ${positions} positions; ${(bytes / 1e6).toFixed(1)} MB`,
    '',
  ].join('\n');
}

function percent(share: number): string {
  return `${(100 * share).toFixed(2).padStart(6)}%`;
}
