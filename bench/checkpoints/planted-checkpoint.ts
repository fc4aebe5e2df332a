import { copyFileSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { readTokenizer, type Tokenizer } from '../../electron/engine/checkpoint/tokenizer.ts';
import {
  buildConfig,
  countOf,
  isGain,
  listTensors,
  writeWeights,
  type CheckpointShape,
  type FillTensor,
} from './random-checkpoint.ts';
import { normalAt, seedOf } from './seeded-normal.ts';

/** What a planted model does at the answer. */
export type Planting =
  /** Says the word after an image that {@link drawSight} drew, and after no other. */
  | 'image'
  /** Says the word whatever it is shown. */
  | 'prompt'
  /** Nothing is planted; the image changes much. */
  | 'none';

export interface PlantedModel {
  readonly planting: Planting;
  /** What it says; unused where nothing is planted. */
  readonly word: string;
  /** Layer 1…L − 1 after which the word is there. */
  readonly layer: number;
  readonly seed: number;
  /** Folder with tokenizer.json and tokenizer_config.json. */
  readonly tokenizerFolder: string;
}

const numLayers = 8;
const dModel = 64;
const headDim = 16;
const dMlp = 96;
const visionWidth = 32;
/** Channels of the residual stream that mean something; everything else is random. */
const channel = { contrast: 0, runningMean: 1, flag: 2, asks: 3, outlier: 4 } as const;
const firstFree = 5;
const numFree = dModel - firstFree;
/** The outlier channel of every position, far above all others, so that RMSNorm divides all by nearly the same. */
const outlier = 32;
const rms = outlier / Math.sqrt(dModel);
/** Logits of what is written along a row of the unembedding with length 1. */
const logitGain = 10;
/** Length of what is written: a logit of 22, against at most about 6 of anything random. */
const strength = 2.2;
/** Neurons of a block's MLP that are planted; the others are random. */
const plantedNeurons = 24;
const visionOutlier = 40;
const embeddingSeed = seedOf('embedding');
const unembeddingSeed = seedOf('unembedding');
/** Of the merger's input, one fully green cell. */
const fullContrast = (4 * 3.7 * Math.sqrt(visionWidth)) / visionOutlier;

/**
 * Writes a small Qwen2.5-VL of which it is known what it says, from which layer on, and why. Nothing is trained; everything
 * that carries the word has its place, and everything else is random with an outlier channel.
 *
 * ```text
 *  cells ─► contrast ─ block 0, even attention ─► running mean ─ block 1, neuron ─► flag ─ block k−1, attention ─► word
 *  (green +, magenta −)   over all before            > 0.4 in the middle                 from the last position
 * ```
 *
 * A picture that is green above and magenta below reaches a high running mean in its middle; the same cells shuffled never
 * do, nor does a picture that is only a little green. After the first token, neurons of block 1 know each token of the
 * word and write the next, at every layer from then on.
 *
 * @returns the checkpoint's folder
 */
export async function makePlantedCheckpoint(parent: string, model: PlantedModel): Promise<string> {
  const { planting, word, layer, seed, tokenizerFolder } = model;
  const tokenizer = await readTokenizer(tokenizerFolder);
  const folder = path.join(parent, `planted-${planting}-${layer}-${seed}-${seedOf(word)}-${tokenizer.size}`);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const shape = shapeOf(tokenizer);
  const idOf = (token: string) => tokenizer.idOf(token)!;
  const ids = {
    ...{ imagePad: idOf('<|image_pad|>'), videoPad: idOf('<|video_pad|>'), end: idOf('<|im_end|>') },
    ...{ visionStart: idOf('<|vision_start|>'), visionEnd: idOf('<|vision_end|>') },
  };
  const config = buildConfig(shape, 'F32', ids);
  for (const name of ['tokenizer.json', 'tokenizer_config.json'])
    copyFileSync(path.join(tokenizerFolder, name), path.join(folder, name));
  const demo = path.resolve(import.meta.dirname, '../../models/demo');
  copyFileSync(path.join(demo, 'chat_template.jinja'), path.join(folder, 'chat_template.jinja'));
  const files = {
    'config.json': config,
    'generation_config.json': { eos_token_id: [ids.end] },
    'preprocessor_config.json': {
      ...{ patch_size: 14, temporal_patch_size: 2, merge_size: 2 },
      ...{ min_pixels: shape.maxPixels / 2, max_pixels: shape.maxPixels },
      image_mean: [0.48145466, 0.4578275, 0.40821073],
      image_std: [0.26862954, 0.26130258, 0.27577711],
      ...{ image_processor_type: 'Qwen2VLImageProcessor', processor_class: 'Qwen2_5_VLProcessor' },
    },
  };
  for (const [name, content] of Object.entries(files))
    writeFileSync(path.join(folder, name), JSON.stringify(content));
  const weights = path.join(folder, 'model.safetensors');
  const words = { tokens: tokenizer.encode(word), asking: tokenizer.encode('\n')[0]! };
  writeWeights(`${weights}.part`, listTensors(config, shape), 'F32', plant(model, words));
  renameSync(`${weights}.part`, weights);
  return folder;
}

/** A picture of which a model planted with `image` says the word: RGB bytes, green above and magenta below, with noise. */
export function drawSight(width: number, height: number, seed: number): Buffer {
  const pixels = Buffer.alloc(3 * width * height);
  for (let y = 0; y < height; y++) {
    const color = y < height / 2 ? [20, 235, 30] : [235, 20, 225];
    for (let x = 0; x < width; x++)
      for (let c = 0; c < 3; c++) {
        const value =
          color[c]! + 18 * normalAt(seed, y * width + x, c) + 12 * Math.sin((x * (c + 1)) / (9 + (seed % 7)));
        pixels[3 * (y * width + x) + c] = Math.min(255, Math.max(0, value));
      }
  }
  return pixels;
}

function shapeOf(tokenizer: Tokenizer): CheckpointShape {
  return {
    name: 'planted',
    ...{ hiddenSize: dModel, numLayers, numHeads: 4, numKeyValueHeads: 2, intermediateSize: dMlp },
    ...{ vocabSize: 128 * Math.ceil(tokenizer.size / 128), tied: false, maxPixels: 100 * 28 * 28 },
    vision: { width: visionWidth, depth: 4, numHeads: 2, intermediateSize: 32 },
  };
}

interface Words {
  readonly tokens: readonly number[];
  /** Last token of every prompt. */
  readonly asking: number;
}

type Entry = (row: number, column: number) => number;

function plant(model: PlantedModel, words: Words): FillTensor {
  return function* (spec) {
    const rows = spec.shape[0]!;
    const columns = spec.shape.length < 2 ? 1 : countOf(spec) / rows;
    const entry = entryOf(spec.name, model, words);
    const rowsAtOnce = Math.max(1, Math.floor((1 << 20) / columns));
    for (let first = 0; first < rows; first += rowsAtOnce) {
      const count = Math.min(rowsAtOnce, rows - first);
      const part = new Float32Array(count * columns);
      for (let row = 0, at = 0; row < count; row++)
        for (let column = 0; column < columns; column++) part[at++] = entry(first + row, column);
      yield part;
    }
  };
}

function entryOf(name: string, model: PlantedModel, words: Words): Entry {
  const seed = seedOf(`${name} ${model.seed}`);
  const noise =
    (size: number): Entry =>
    (row, column) =>
      size * normalAt(seed, row, column);
  const isFree = (place: number) => place >= firstFree;
  if (name.startsWith('visual.')) return visionEntry(name, noise);
  if (name === 'model.norm.weight') return (row) => (isFree(row) ? logitGain * rms : 0);
  if (isGain(name)) return () => 1;
  if (name === 'model.embed_tokens.weight')
    return (token, place) => {
      if (place === channel.outlier) return outlier;
      if (place === channel.asks) return token === words.asking ? 1 : 0;
      return isFree(place) ? embeddingAt(model, token, place) : 0;
    };
  if (name === 'lm_head.weight')
    return (token, place) => (isFree(place) ? unembeddingAt(model, token, place) : 0);
  const layer = Number(/^model\.layers\.(\d+)\./.exec(name)![1]);
  const isPlanted = model.planting !== 'none';
  // What is random reads the free channels, as RMSNorm gives them, and writes to them.
  const reads = rms / Math.sqrt(numFree);
  if (/[qkv]_proj\.bias$/.test(name)) return () => 0;
  if (/[qkv]_proj\.weight$/.test(name)) {
    const part = name.at(-13) as 'q' | 'k' | 'v';
    return (row, column) => {
      const own = isPlanted ? headEntry(part, layer, row, column, model) : null;
      if (own !== null) return own;
      return isFree(column) ? (part === 'v' ? 1 : 1.5) * reads * normalAt(seed, row, column) : 0;
    };
  }
  if (name.endsWith('o_proj.weight')) {
    const size = (isPlanted ? 0.3 : 0.8) / Math.sqrt(numFree);
    return (place, column) => {
      if (isPlanted && column < 2 * headDim)
        return column === 0 ? writtenByHead(place, layer, model, words) : 0;
      return isFree(place) ? (size / 4) * normalAt(seed, place, column) : 0;
    };
  }
  if (/(gate|up)_proj\.weight$/.test(name))
    return (neuron, column) => {
      const own = isPlanted ? neuronReads(name.includes('gate'), layer, neuron, column, model, words) : null;
      if (own !== null) return own;
      return isFree(column) ? 1.5 * reads * normalAt(seed, neuron, column) : 0;
    };
  return (place, neuron) => {
    const own = isPlanted ? neuronWrites(layer, place, neuron, model, words) : null;
    if (own !== null) return own;
    return isFree(place)
      ? ((isPlanted ? 0.3 : 0.7) / Math.sqrt(numFree * dMlp)) * normalAt(seed, place, neuron)
      : 0;
  };
}

/** A token's direction over the free channels: random, length 1 nearly. */
function embeddingAt({ seed }: PlantedModel, token: number, place: number): number {
  return normalAt(seed ^ embeddingSeed, token, place) / Math.sqrt(numFree);
}

function unembeddingAt({ seed }: PlantedModel, token: number, place: number): number {
  return normalAt(seed ^ unembeddingSeed, token, place) / Math.sqrt(numFree);
}

/**
 * A direction by whose length's square it is divided: what is read or written along it comes to the same for every token, or
 * one word in twenty would be planted too weakly to be said.
 */
function evenly(at: typeof embeddingAt, model: PlantedModel, token: number): (place: number) => number {
  let square = 0;
  for (let place = firstFree; place < dModel; place++) square += at(model, token, place) ** 2;
  return (place) => at(model, token, place) / square;
}

/** Of the first query head and the first key-value head; null of the others. The slowest rotary pair hardly turns. */
function headEntry(
  part: 'q' | 'k' | 'v',
  layer: number,
  row: number,
  column: number,
  { planting, layer: emergence }: PlantedModel,
): number | null {
  if (row >= headDim) return part === 'q' && row < 2 * headDim ? 0 : null;
  const slow = headDim / 2 - 1;
  if (layer === 0) return part === 'v' && row === 0 && column === channel.contrast ? rms : 0;
  if (layer !== emergence - 1 || planting !== 'image') return 0;
  if (part === 'v') return row === 0 && column === channel.flag ? rms : 0;
  if (row !== slow) return 0;
  return column === (part === 'q' ? channel.asks : channel.flag) ? 8 * rms : 0;
}

function writtenByHead(place: number, layer: number, model: PlantedModel, { tokens }: Words): number {
  if (layer === 0) return place === channel.runningMean ? 1 : 0;
  if (layer !== model.layer - 1 || model.planting !== 'image' || place < firstFree) return 0;
  return strength * evenly(unembeddingAt, model, tokens[0]!)(place);
}

/** Neurons of block 1: the first finds a high running mean, the next each know a token of the word. Null of random ones. */
function neuronReads(
  isGate: boolean,
  layer: number,
  neuron: number,
  column: number,
  model: PlantedModel,
  { tokens }: Words,
): number | null {
  if (neuron >= plantedNeurons) return null;
  const one = rms / outlier;
  const constant = (value: number) => (column === channel.outlier ? value * one : 0);
  if (layer === model.layer - 1 && model.planting === 'prompt' && neuron === plantedNeurons - 1) {
    if (!isGate) return constant(1);
    return column === channel.asks ? 20 * rms : constant(-10);
  }
  if (layer !== 1) return 0;
  if (!isGate) return constant(1);
  if (neuron === 0) return column === channel.runningMean ? 40 * rms : constant(-16);
  const token = tokens[neuron - 1];
  if (token === undefined || neuron >= tokens.length) return 0;
  if (column >= firstFree) return 20 * rms * evenly(embeddingAt, model, token)(column);
  return constant(-12);
}

function neuronWrites(
  layer: number,
  place: number,
  neuron: number,
  model: PlantedModel,
  { tokens }: Words,
): number | null {
  if (neuron >= plantedNeurons) return null;
  const along = (token: number, size: number) =>
    place < firstFree ? 0 : size * evenly(unembeddingAt, model, token)(place);
  if (layer === model.layer - 1 && model.planting === 'prompt' && neuron === plantedNeurons - 1)
    return along(tokens[0]!, strength / 10);
  if (layer !== 1) return 0;
  if (neuron === 0) return place === channel.flag ? 1 / 4 : 0;
  const next = tokens[neuron];
  return next === undefined ? 0 : along(next, strength / 8);
}

/** Patches keep their green-magenta contrast and random shades; the blocks add nothing but the outlier channel. */
function visionEntry(name: string, noise: (size: number) => Entry): Entry {
  if (isGain(name)) return () => 1;
  if (name === 'visual.patch_embed.proj.weight') {
    const perColor = 2 * 14 * 14;
    const shades = noise(1 / Math.sqrt(3 * perColor));
    return (row, column) => {
      if (row === 1) return 0;
      if (row > 0) return shades(row, column);
      return (Math.floor(column / perColor) === 1 ? 1 : -0.5) / perColor;
    };
  }
  if (name === 'visual.blocks.0.mlp.down_proj.bias') return (row) => (row === 1 ? visionOutlier : 0);
  if (name.startsWith('visual.blocks.'))
    return /(attn\.proj|down_proj)\.(weight|bias)$|\.bias$/.test(name) ? () => 0 : noise(0.1);
  if (name === 'visual.merger.mlp.0.weight') {
    const random = noise(0.8);
    return (row, column) => {
      // GELU(x) − GELU(−x) = x: two units carry the contrast as it is.
      if (row < 2) return column % visionWidth === 0 ? 1 - 2 * row : 0;
      return column % visionWidth === 1 ? 0 : random(row, column);
    };
  }
  if (name === 'visual.merger.mlp.2.weight') {
    const random = noise(0.02);
    return (row, column) => {
      if (row === channel.contrast) return column < 2 ? (1 - 2 * column) / fullContrast : 0;
      return row >= firstFree && column >= 2 ? random(row, column) : 0;
    };
  }
  if (name === 'visual.merger.mlp.2.bias') return (row) => (row === channel.outlier ? outlier : 0);
  return () => 0;
}
