import { appendFileSync, existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import sharp from 'sharp';
import { listControls } from '../../electron/bundled/control-images.ts';
import type { LensTrace } from '../../electron/engine/lens-trace/lens-trace.ts';
import { gatherOwners } from '../../electron/engine/readability/hierarchy.ts';
import { readabilityRule } from '../../electron/engine/readability/rule.ts';
import { ModelCache } from '../../electron/engine/stages/model-cache.ts';
import { trace } from '../../electron/engine/trace.ts';
import { drawSight, makePlantedCheckpoint } from '../checkpoints/planted-checkpoint.ts';
import {
  conceptSet,
  listTruthCases,
  vocabularies,
  type TruthCase,
  type VocabularyName,
} from './truth-cases.ts';

export interface TruthResult extends TruthCase {
  readonly picture: number;
  /** Layer that was found for the planted concept; null for never or where none was planted. */
  readonly found: number | null;
  /** Concepts that are readable and should not be. */
  readonly falseConcepts: readonly string[];
  readonly asked: number;
}

/** Traces pictures through one planted model by the rule, as the command line does by default. */
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
      // Every other grid is not square.
      const [width, height] = [280, 280 + 28 * (picture % 2)];
      const raw = { width, height, channels: 3 } as const;
      await sharp(drawSight(width, height, 31 * truth.seed + picture), { raw })
        .png()
        .toFile(imagePath);
      results.push(judge(truth, picture, await traceOne(models, model, imagePath)));
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

function judge(truth: TruthCase, picture: number, { concepts }: LensTrace): TruthResult {
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
    picture,
    found: planted === null ? null : layerOf(planted),
    falseConcepts: readable.filter((id) => !isTrue(id) && (truth.concept !== null || isTarget(id))),
    asked: concepts.length,
  };
}

/** A word that is no concept of a fundus may well be a control concept, which is then rightly readable. */
function isTarget(id: string): boolean {
  return conceptSet.concepts.find((concept) => concept.id === id)!.role === 'target';
}

/**
 * Planted truth: models of which it is known what they say after which picture and from which layer on.
 *
 * Prints, for either vocabulary and each kind, in how many traces the planted concept was found within a layer of where it was
 * planted, how many concepts were falsely readable, and in how many traces any was. Every model's results are kept as they
 * come, so that a run that was ended goes on where it was.
 *
 * @param options.goOn keeps the results of the run before, and reads only what it had not come to
 */
export async function runTruthBench(
  folder: string,
  options: {
    readonly seeds: number;
    readonly pictures: number;
    readonly vocabulary: VocabularyName | 'both';
    readonly goOn: boolean;
  },
): Promise<void> {
  const { seeds, pictures, vocabulary, goOn } = options;
  const own = path.join(folder, 'truth');
  mkdirSync(own, { recursive: true });
  const names = Object.keys(vocabularies) as VocabularyName[];
  for (const name of names.filter((candidate) => vocabulary === 'both' || candidate === vocabulary)) {
    const file = path.join(own, `results-${name}.jsonl`);
    if (!goOn) rmSync(file, { force: true });
    const known = readKept(file);
    const results: TruthResult[] = [];
    for (const truth of listTruthCases(seeds, name)) {
      const key = JSON.stringify([readabilityRule.id, pictures, truth]);
      const kept = known.get(key);
      const found = kept ?? (await runTruthCase(own, truth, [...Array(pictures).keys()]));
      if (kept === undefined) {
        appendFileSync(file, `${JSON.stringify({ key, results: found })}\n`);
        for (const result of found) process.stderr.write(`${describeResult(result)}\n`);
      }
      results.push(...found);
    }
    process.stdout.write(`${describeTruth(name, results)}\n`);
  }
}

/** The last line may have been cut off. */
function readKept(file: string): ReadonlyMap<string, TruthResult[]> {
  const lines = existsSync(file) ? readFileSync(file, 'utf8').split('\n').slice(0, -1) : [];
  return new Map(
    lines.map((line) => {
      const { key, results } = JSON.parse(line) as { key: string; results: TruthResult[] };
      return [key, results];
    }),
  );
}

function describeResult({
  vocabulary,
  planting,
  word,
  layer,
  picture,
  found,
  falseConcepts,
}: TruthResult): string {
  const wrong = falseConcepts.join(', ') || 'none';
  return `${vocabulary} ${planting} "${word}" layer ${layer}, picture ${picture}: found ${found ?? 'never'}; false: ${wrong}`;
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
