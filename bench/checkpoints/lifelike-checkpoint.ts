import {
  countOf,
  isGain,
  makeRandomCheckpoint,
  type CheckpointShape,
  type FillTensor,
} from './random-checkpoint.ts';
import type { BenchDtype, TensorSpec } from './random-checkpoint.ts';
import { logNormalAt, normalAt, numberAt, seedOf } from './seeded-normal.ts';

/** 12 blocks over 32,768 tokens; an untied unembedding, as in the released 7B. */
export const lifelikeShape: CheckpointShape = {
  name: 'lifelike',
  hiddenSize: 896,
  numLayers: 12,
  numHeads: 14,
  numKeyValueHeads: 2,
  intermediateSize: 4864,
  vocabSize: 32_768,
  tied: false,
  vision: { width: 640, depth: 8, numHeads: 10, intermediateSize: 1712 },
  maxPixels: 100 * 28 * 28,
};

/** Residual channels that are large at every position, and those that are huge at a few. */
const outlierChannels = 6;
const massiveChannels = 2;
/** Tokens that blocks write towards, the more often the smaller their number. */
const answers = 2048;
/** Of these, those that the merger writes towards. */
const sights = 128;
/** Root mean square of an embedding's ordinary channels, and by how much each block makes the stream grow. */
const embeddingScale = 0.05;
const growth = 1.25;
const clusters = 64;

/**
 * Writes a checkpoint whose numbers were never trained but behave, where rounding is concerned, as published of models of
 * this class; memory does not grow with it, since every number follows from its place. It imitates
 *
 * - heavy tails: normal numbers with log-normal scales by element, row and column. Dettmers et al., "LLM.int8()" (2022);
 *   Lin et al., "AWQ" (2024): the columns that matter are those whose inputs are large;
 * - outlier channels: six channels of the residual stream are many times larger than the rest at every position, from
 *   the embedding on ("LLM.int8()": emergent features in fixed dimensions);
 * - massive activations: early on one block makes two fixed channels hundreds of times larger than the rest at the turn
 *   markers, and the stream carries them to the end. Sun et al., "Massive Activations in Large Language Models" (2024);
 *   they come out of one block's gated MLP, whose inner spikes imitate Yang et al., "Mitigating Quantization Errors
 *   Due to Activation Spikes in GLU-Based LLMs" (2024);
 * - norm gains that spread, small where channels are outliers;
 * - biases of queries and keys with a few very large ones, in the slow half of the rotary frequencies, as Qwen2's are.
 *   Jin et al., "Massive Values in Self-Attention Modules are the Key to Contextual Knowledge Understanding" (2025);
 * - tokens in clusters, and an embedding that resembles the unembedding;
 * - MLPs as memories that read and write directions of tokens: Geva et al., "Transformer Feed-Forward Layers Build
 *   Predictions by Promoting Concepts in the Vocabulary Space" (2022). What leads is strengthened from block to
 *   block, so that the lens is flat early and sure late, as it is in trained models (nostalgebraist, 2020).
 *
 * @returns the checkpoint's folder
 */
export function makeLifelikeCheckpoint(
  parent: string,
  dtype: BenchDtype = 'BF16',
  shape: CheckpointShape = lifelikeShape,
): string {
  return makeRandomCheckpoint(parent, shape, dtype, lifelikeNumbers(shape));
}

type Entry = (row: number, column: number) => number;

/** Elements made at once. */
const partElements = 1 << 20;

function lifelikeNumbers(shape: CheckpointShape): FillTensor {
  return function* (spec) {
    const columns = spec.shape.length < 2 ? 1 : countOf(spec) / spec.shape[0]!;
    const entry = entryOf(spec, columns, shape);
    const rowsAtOnce = Math.max(1, Math.floor(partElements / columns));
    const rows = spec.shape[0]!;
    for (let first = 0; first < rows; first += rowsAtOnce) {
      const count = Math.min(rowsAtOnce, rows - first);
      const part = new Float32Array(count * columns);
      for (let row = 0, at = 0; row < count; row++)
        for (let column = 0; column < columns; column++) part[at++] = entry(first + row, column);
      yield part;
    }
  };
}

function entryOf(spec: TensorSpec, columns: number, shape: CheckpointShape): Entry {
  const { name } = spec;
  if (isGain(name)) return gains(name, shape);
  if (name === 'model.embed_tokens.weight') return embedding(shape);
  if (name === 'lm_head.weight')
    return (token, channel) => 0.02 * tokenNorm(token) * direction(token, channel);
  const layer = Number(/^model\.layers\.(\d+)\./.exec(name)?.[1] ?? NaN);
  if (name.endsWith('.bias')) return biases(name, spec.shape[0]!, shape);
  if (/(gate|up)_proj\.weight$/.test(name) && !Number.isNaN(layer)) return reader(name, layer, shape);
  if (/down_proj\.weight$/.test(name) && !Number.isNaN(layer)) return writer(name, layer, shape);
  const noise = heavyTailed(name);
  if (name.endsWith('o_proj.weight')) {
    const scale = 0.05 * streamScale(layer);
    return (channel, column) => scale * channelShare(channel, shape) * noise(channel, column);
  }
  if (/[qk]_proj\.weight$/.test(name)) return (row, column) => 0.035 * noise(row, column);
  // The tower's own width keeps its stream in order; its merger ends at the size of an embedding.
  if (name === 'visual.merger.mlp.2.weight') return sight(noise, columns);
  if (name.startsWith('visual.')) return (row, column) => (0.8 / Math.sqrt(columns)) * noise(row, column);
  return (row, column) => 0.02 * noise(row, column);
}

/** Normal numbers with log-normal scales by element, row and column; root mean square near 1. */
function heavyTailed(name: string): Entry {
  const seed = seedOf(name);
  const [element, byRow, byColumn] = [0.3, 0.25, 0.25];
  const shrink = Math.exp(-(element ** 2 + byRow ** 2 + byColumn ** 2));
  const rowScales: number[] = [];
  const columnScales: number[] = [];
  return (row, column) =>
    shrink *
    normalAt(seed, row, column) *
    logNormalAt(seed + 1, row, column, element) *
    (rowScales[row] ??= logNormalAt(seed + 2, row, 0, byRow)) *
    (columnScales[column] ??= logNormalAt(seed + 3, 0, column, byColumn));
}

/** Of a token, entries of variance 1: partly its cluster's. */
function direction(token: number, channel: number): number {
  const cluster = Math.floor(numberAt(11, token, 0) * clusters);
  return 0.45 * normalAt(12, cluster, channel) + 0.893 * normalAt(13, token, channel);
}

function tokenNorm(token: number): number {
  return logNormalAt(14, token, 0, 0.15);
}

/** The merger's last matrix: columns write directions of a few tokens, so that image tokens resemble words. */
function sight(noise: Entry, columns: number): Entry {
  const scale = (2.5 * embeddingScale) / Math.sqrt(columns);
  return (channel, column) => {
    const topic = answerAt(Math.floor(sights * numberAt(18, column, 0)));
    return scale * (0.8 * direction(topic, channel) + 0.6 * noise(channel, column));
  };
}

/** What all positions have in common, of embeddings of variance 1: a little everywhere and much in the outlier channels. */
function common(channel: number, shape: CheckpointShape): number {
  const isOutlier = outlierIndex(channel, shape) >= 0;
  return isOutlier ? 10 * (normalAt(15, channel, 0) < 0 ? -1 : 1) : 0.3 * normalAt(16, channel, 0);
}

function embedding(shape: CheckpointShape): Entry {
  return (token, channel) =>
    embeddingScale *
    (tokenNorm(token) * (0.8 * direction(token, channel) + 0.6 * normalAt(17, token, channel)) +
      common(channel, shape));
}

/** 0 … 5 of an outlier channel, −1 of another; spread over the width. */
function outlierIndex(channel: number, { hiddenSize }: CheckpointShape): number {
  const step = Math.floor(hiddenSize / outlierChannels);
  return channel % step === 37 % step && channel / step < outlierChannels ? Math.floor(channel / step) : -1;
}

function isMassive(channel: number, { hiddenSize }: CheckpointShape): boolean {
  const step = Math.floor(hiddenSize / massiveChannels);
  return channel % step === 101 % step && channel / step < massiveChannels;
}

/** Rows of what writes to the stream are larger where the stream is. */
function channelShare(channel: number, shape: CheckpointShape): number {
  return outlierIndex(channel, shape) >= 0 ? 4 : 1;
}

function streamScale(layer: number): number {
  return embeddingScale * growth ** layer;
}

function gains(name: string, shape: CheckpointShape): Entry {
  const seed = seedOf(name);
  const isFinal = name === 'model.norm.weight';
  const inVision = name.startsWith('visual.');
  return (channel) => {
    const gain = logNormalAt(seed, channel, 0, 0.35);
    if (inVision) return gain;
    if (isMassive(channel, shape)) return (isFinal ? 0.005 : 0.05) * gain;
    const damped = outlierIndex(channel, shape) >= 0 ? 0.2 * gain : gain;
    return isFinal ? 2.5 * damped : damped;
  };
}

function biases(name: string, length: number, shape: CheckpointShape): Entry {
  const seed = seedOf(name);
  if (name === 'visual.merger.mlp.2.bias')
    return (channel) => embeddingScale * (common(channel, shape) + 0.1 * normalAt(seed, channel, 0));
  if (name.startsWith('visual.')) return (channel) => 0.05 * normalAt(seed, channel, 0);
  const headDim = shape.hiddenSize / shape.numHeads;
  const isValue = name.includes('v_proj');
  return (row) => {
    const bias = (isValue ? 0.1 : 0.5) * normalAt(seed, row % length, 0);
    // The slow half of the rotary pairs: the second half of each half head.
    const isSlow = row % (headDim / 2) >= headDim / 4;
    const isLarge = !isValue && isSlow && numberAt(seed + 1, row, 0) < 0.12;
    return isLarge ? bias * (name.includes('k_proj') ? 60 : 6) : bias;
  };
}

/** The token that a neuron is about; −1 of the many that are about none. Small numbers are the common answers. */
function topicOf(layer: number, neuron: number): number {
  if (numberAt(21, layer, neuron) > 0.5) return -1;
  return answerAt(Math.floor(answers * numberAt(22, layer, neuron) ** 1.3));
}

/** Answers are spread over the vocabulary; the most frequent are bytes, as the prompts' tokens are. */
function answerAt(index: number): number {
  return index < 64 ? 32 + index : index * 13;
}

/** What a neuron writes about its topic: the topic again, or what follows it. */
function wordOf(layer: number, neuron: number, topic: number): number {
  return numberAt(23, layer, neuron) < 0.6 ? topic : answerAt(Math.floor(answers * numberAt(24, topic, 0)));
}

/** The block whose first neurons make the massive activations. */
const massiveLayer = 1;
const massiveNeurons = 2;

/** `<|im_start|>`, the second of the tokenizer's special tokens. */
function turnMarker({ vocabSize }: CheckpointShape): number {
  return vocabSize - 27;
}

/** Gate and up: rows that read directions of tokens. */
function reader(name: string, layer: number, shape: CheckpointShape): Entry {
  const noise = heavyTailed(name);
  const marker = turnMarker(shape);
  const strength = 0.012;
  return (neuron, channel) => {
    if (outlierIndex(channel, shape) >= 0) return 0.02 * noise(neuron, channel);
    if (layer === massiveLayer && neuron < massiveNeurons) return 0.03 * direction(marker, channel);
    const topic = topicOf(layer, neuron);
    if (topic < 0) return 0.02 * noise(neuron, channel);
    return strength * direction(topic, channel) + 0.012 * noise(neuron, channel);
  };
}

/** Down: columns that write directions of tokens, more surely the later. */
function writer(name: string, layer: number, shape: CheckpointShape): Entry {
  const noise = heavyTailed(name);
  const scale = 0.03 * streamScale(layer);
  const sureness = 0.12 + (0.3 * layer) / shape.numLayers;
  return (channel, neuron) => {
    if (layer === massiveLayer && neuron < massiveNeurons)
      return isMassive(channel, shape) ? 0.3 : scale * noise(channel, neuron);
    const topic = topicOf(layer, neuron);
    const rest = scale * channelShare(channel, shape) * noise(channel, neuron);
    return topic < 0 || outlierIndex(channel, shape) >= 0
      ? rest
      : scale * sureness * direction(wordOf(layer, neuron, topic), channel) + 0.6 * rest;
  };
}
