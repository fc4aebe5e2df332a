import { mkdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import sharp from 'sharp';
import type { CausalReading, ImageRegion } from '../../electron/engine/lens-trace/causal-request.ts';
import { checkCause } from '../../electron/engine/causal/check-cause.ts';
import {
  summarisePairs,
  type CheckedPair,
  type PairStatistics,
} from '../../electron/workbench/causal-checks/pair-statistics.ts';
import { ModelCache } from '../../electron/engine/stages/model-cache.ts';
import { drawSight, makePlantedCheckpoint } from '../checkpoints/planted-checkpoint.ts';
import { vocabularies } from '../truth/truth-cases.ts';

/** Words of which the small vocabulary tells the first token, and one of which no model is planted. */
const words = [
  'Retina',
  'Macula',
  'Glaucoma',
  'Drusen',
  'Fundus',
  'Cataract',
  'Сетчатка',
  'Глаукома',
] as const;
const otherWord = 'Optical';
const size = 280;
/** Below the cells that the copying block looks at: from block 2 on nothing of the answer lies there. */
const emptyRegion: ImageRegion = { left: 0, top: 0.8, right: 1, bottom: 1 };

/** A model whose answer is copied from image tokens to the answer's position by one block, and what the check found. */
export interface CircuitResult {
  readonly word: string;
  /** Layer after which the word is at the answer: block `layer` − 1 copies it. */
  readonly layer: number;
  readonly seed: number;
  /** First layer before which the image tokens no longer carry the difference; null for none. */
  readonly found: number | null;
  readonly opposite: CausalReading;
  readonly sameLabel: CausalReading;
}

/** Plants one model and checks a pair of opposite pictures and one of like pictures. */
export async function runCircuit(folder: string, seed: number): Promise<CircuitResult> {
  mkdirSync(folder, { recursive: true });
  const word = words[seed % words.length]!;
  const layer = 3 + (seed % 5);
  const planted = { planting: 'image', word, layer, seed, tokenizerFolder: vocabularies.small } as const;
  const modelDir = await makePlantedCheckpoint(folder, planted);
  const models = new ModelCache();
  try {
    const draw = async (name: string, number: number, isTurned: boolean) => {
      const file = path.join(folder, `${name}-${seed}.png`);
      const raw = { width: size, height: size, channels: 3 } as const;
      const picture = sharp(drawSight(size, size, number), { raw });
      await (isTurned ? picture.rotate(180) : picture).png().toFile(file);
      return file;
    };
    const cleanPath = await draw('sight', 31 * seed, false);
    const check = (corruptPath: string) =>
      checkCause(
        {
          ...{ modelDir, provider: 'cpu', prompt: 'Describe this image. Answer with one word.' },
          ...{ maxPixels: null, cleanPath, corruptPath, region: emptyRegion, knockoutWindow: 0, seed },
          contrast: { a: [word], b: [otherWord] },
        },
        {},
        models,
      );
    const opposite = await check(await draw('turned', 31 * seed + 1, true));
    const sameLabel = await check(await draw('like', 31 * seed + 2, false));
    return { word, layer, seed, found: findCopy(opposite), opposite, sameLabel };
  } finally {
    await models.close();
    rmSync(modelDir, { recursive: true, force: true });
  }
}

/** First layer before which less than half of the difference is in the image tokens. */
function findCopy({ clean, corrupt, patches }: CausalReading): number | null {
  const { intoCorrupt } = patches.find(({ set }) => set === 'image')!;
  const layer = intoCorrupt.findIndex((margin) => (margin - corrupt) / (clean - corrupt) < 0.5);
  return layer < 0 ? null : layer;
}

/** What all circuits say together; the region is the one without anything of the answer. */
export function summariseCircuits(circuits: readonly CircuitResult[]): PairStatistics {
  const pairs = circuits.flatMap(({ opposite, sameLabel }): CheckedPair[] => [
    { kind: 'opposite', reading: opposite },
    { kind: 'same-label', reading: sameLabel },
  ]);
  return summarisePairs(pairs, 2000, 1);
}

/**
 * Prints in how many planted circuits the copying block was found within one, and how far like pictures and the empty region
 * move the answer.
 */
export async function runCircuitsBench(folder: string, seeds: number): Promise<void> {
  const circuits: CircuitResult[] = [];
  for (let seed = 0; seed < seeds; seed++) {
    const result = await runCircuit(path.join(folder, 'circuits'), seed);
    process.stderr.write(`"${result.word}" copied before layer ${result.layer}: found ${result.found}\n`);
    circuits.push(result);
  }
  const within = circuits.filter(({ found, layer }) => found !== null && Math.abs(found - layer) <= 1).length;
  const exact = circuits.filter(({ found, layer }) => found === layer).length;
  const { sets, sameLabel, difference } = summariseCircuits(circuits);
  const image = sets.find(({ set }) => set === 'image')!.sufficiency;
  const lines = [
    `${within} of ${seeds} circuits found within ±1, ${exact} exactly; the answers differ by ${difference.toFixed(1)} on average`,
    `R of all image tokens: ${image.mean[0]!.toFixed(4)} at layer 0, ${image.mean.at(-1)!.toFixed(4)} after the last`,
  ];
  for (const [name, effect] of [
    ['like pictures, all image tokens', sameLabel.find(({ set }) => set === 'image')!],
    ['empty region', sets.find(({ set }) => set === 'region')!],
  ] as const)
    for (const direction of ['sufficiency', 'necessity'] as const) {
      const { mean, lower, upper } = effect[direction];
      const layers = mean.map((_, layer) => layer).slice(2);
      const around = layers.filter((layer) => lower[layer]! <= 1e-6 && upper[layer]! >= -1e-6).length;
      const largest = Math.max(...layers.map((layer) => Math.abs(mean[layer]!)));
      lines.push(
        `${name}, ${direction}: interval around 0 at ${around} of ${layers.length} layers from 2 on; largest mean ${largest.toFixed(4)}`,
      );
    }
  process.stdout.write(`${lines.join('\n')}\n`);
}
