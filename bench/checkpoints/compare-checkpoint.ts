import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Command } from 'commander';
import { compareTrace, type Deviation } from '../../electron/engine/testing/compare-with-reference.ts';
import { ModelCache } from '../../electron/engine/stages/model-cache.ts';
import { fixtureConcepts } from '../../electron/engine/testing/reference-fixtures.ts';

interface StoredCase {
  readonly id: string;
  readonly file: string;
  readonly image: string;
  /** The two resize differently in the last bit: our pixels are then not those of the reference. */
  readonly imageIsResized: boolean;
  readonly prompt: string;
  readonly generatedText: string;
  readonly stoppedByEos: boolean;
  readonly smallestGreedyGap: number;
}

/** A greedy choice that hangs on less is a matter of rounding. */
const clearGap = 5e-3;

const program = new Command('compare-checkpoint')
  .description(
    'Compares the engine with transformers on a checkpoint (numbers from models/training/evaluation/parity_cases.py).',
  )
  .requiredOption('--model <folder>', 'checkpoint')
  .requiredOption('--reference <folder>', 'folder written by parity_cases.py')
  .option('--json <file>', 'where to write the largest deviations')
  .parse();
const options = program.opts<{
  readonly model: string;
  readonly reference: string;
  readonly json?: string;
}>();

const stored = JSON.parse(readFileSync(path.join(options.reference, 'cases.json'), 'utf8')) as {
  readonly generatedTokens: number;
  readonly cases: readonly StoredCase[];
};
const folder = mkdtempSync(path.join(tmpdir(), 'fundus-lens-compare-'));
const models = new ModelCache();
const compared: { readonly stored: StoredCase; readonly deviation: Deviation }[] = [];
try {
  for (const reference of stored.cases) {
    const request = {
      modelDir: path.resolve(options.model),
      imagePath: path.resolve(options.reference, reference.image),
      prompt: reference.prompt,
      lens: 'logit',
      positions: 'all',
      topK: 10,
      conceptSet: fixtureConcepts,
      provider: 'cpu',
      generate: stored.generatedTokens,
      traceGenerated: false,
      controls: null,
      dumpPath: path.join(folder, 'dump.safetensors'),
    } as const;
    const file = path.resolve(options.reference, reference.file);
    const deviation = await compareTrace(reference.id, request, { ...reference, file }, models);
    compared.push({ stored: reference, deviation });
    process.stderr.write(`${JSON.stringify(deviation)}\n`);
  }
} finally {
  await models.close();
  rmSync(folder, { recursive: true });
}

const summary = {
  unresized: summarise(compared.filter(({ stored: { imageIsResized } }) => !imageIsResized)),
  resized: summarise(compared.filter(({ stored: { imageIsResized } }) => imageIsResized)),
};
const text = `${JSON.stringify(summary, null, 1)}\n`;
if (options.json !== undefined) writeFileSync(options.json, text);
process.stdout.write(text);
process.exitCode = summary.unresized.withinTheRules ? 0 : 1;

function summarise(cases: typeof compared) {
  const largest = (of: (deviation: Deviation) => number) =>
    Math.max(0, ...cases.map(({ deviation }) => of(deviation)));
  const clear = cases.filter(({ stored: { smallestGreedyGap } }) => smallestGreedyGap >= clearGap);
  const numbers = {
    images: new Set(cases.map(({ stored: { image } }) => image)).size,
    prompts: new Set(cases.map(({ stored: { prompt } }) => prompt)).size,
    cases: cases.length,
    samePositionsAndTokens: cases.every(
      ({ deviation }) => deviation.samePositionIds && deviation.sameTokenIds,
    ),
    pixels: largest(({ pixels }) => pixels),
    imageEmbeds: largest(({ imageEmbeds }) => imageEmbeds),
    residual: largest(({ residual }) => residual),
    logits: largest(({ logits }) => logits),
    lens: largest(({ lens }) => lens),
    wrongOrder: cases.reduce((sum, { deviation }) => sum + deviation.wrongOrder, 0),
    sameText: cases.filter(({ deviation }) => deviation.sameText).length,
    otherTextAlthoughClear: clear
      .filter(({ deviation }) => !deviation.sameText)
      .map(({ stored: { id } }) => id),
  };
  const withinTheRules =
    numbers.samePositionsAndTokens &&
    numbers.pixels <= 1e-5 &&
    numbers.imageEmbeds < 1e-4 &&
    numbers.residual < 1e-4 &&
    numbers.lens < 1e-3 &&
    numbers.wrongOrder === 0 &&
    numbers.otherTextAlthoughClear.length === 0;
  return { ...numbers, withinTheRules };
}
