import { openCheckpoint } from '../../electron/engine/checkpoint/open-checkpoint.ts';
import type { TensorView } from '../../electron/engine/weights/safetensors.ts';
import { readRows } from '../../electron/engine/weights/tensor-reader.ts';
import { StreamedModel } from '../../electron/engine/fidelity/streamed-model.ts';
import { preprocessImage } from '../../electron/engine/image/preprocess.ts';
import { median } from '../median.ts';

/** Rows of a matrix that are looked at. */
const sampledRows = 256;
/** Positions of a case that are unembedded. */
const sampledPositions = 32;

/**
 * What a checkpoint's numbers are like where rounding is concerned: weights by kind, the residual stream's channels and
 * the lens by layer. For readers who judge whether a generated checkpoint resembles a trained one.
 */
export async function describeCheckpoint(
  folder: string,
  images: readonly string[],
  prompt: string,
): Promise<string> {
  return `${await describeWeights(folder)}\n${await describeLens(folder, images, prompt)}`;
}

async function describeWeights(folder: string): Promise<string> {
  const { weights, unembedding, embedding, config } = await openCheckpoint(folder);
  const middle = Math.floor(config.decoder.numLayers / 2);
  const kinds = [
    ...['self_attn.q_proj', 'self_attn.k_proj', 'self_attn.v_proj', 'self_attn.o_proj'],
    ...['mlp.gate_proj', 'mlp.up_proj', 'mlp.down_proj'],
  ].map((kind) => `model.layers.${middle}.${kind}.weight`);
  const lines = [...new Set([...kinds, embedding.name, unembedding])].map((name) => {
    const { kurtosis, spread } = describeMatrix(weights.view(name));
    return `${name.padEnd(44)} ${kurtosis.toFixed(1).padStart(8)} ${spread.toFixed(1).padStart(22)}`;
  });
  const biases = ['q', 'k'].map((kind) => {
    const values = readRows(
      asMatrix(weights.view(`model.layers.${middle}.self_attn.${kind}_proj.bias`)),
      [0],
    );
    const sizes = [...values].map(Math.abs);
    return `${kind} bias: median ${median(sizes).toFixed(2)}, largest ${Math.max(...sizes).toFixed(1)}`;
  });
  return [
    `${'weights'.padEnd(44)} kurtosis  column max/median norm`,
    ...lines,
    `${biases.join('; ')} (block ${middle})`,
    '',
  ].join('\n');
}

function describeMatrix(view: TensorView) {
  const { shape } = view;
  const [rows = 1, columns = 1] = shape;
  const picked = Array.from({ length: Math.min(rows, sampledRows) }, (_, index) =>
    Math.floor((index * rows) / Math.min(rows, sampledRows)),
  );
  const values = readRows(view, picked);
  let square = 0;
  let fourth = 0;
  const byColumn = new Float64Array(columns);
  values.forEach((value, index) => {
    square += value ** 2;
    fourth += value ** 4;
    byColumn[index % columns]! += value ** 2;
  });
  const norms = [...byColumn].map(Math.sqrt);
  return {
    kurtosis: (fourth * values.length) / square ** 2,
    spread: Math.max(...norms) / median(norms),
  };
}

function asMatrix(view: TensorView): TensorView {
  return { ...view, shape: [1, view.shape[0]!] };
}

async function describeLens(folder: string, images: readonly string[], prompt: string): Promise<string> {
  const model = await StreamedModel.open(folder);
  try {
    const { imageProcessor, config } = model.checkpoint;
    const cases = [];
    for (const file of images) {
      const image = await preprocessImage(file, imageProcessor, {});
      const { length } = model.compose({ image, prompt }).tokenIds;
      cases.push({ image, prompt, rows: Array.from({ length }, (_, row) => row) });
    }
    const residual = await model.read(cases, () => Promise.resolve());
    const lines = [];
    for (let layer = 0; layer <= config.decoder.numLayers; layer++)
      lines.push(
        await describeLayer(
          model,
          layer,
          residual.map((layers) => layers[layer]!),
        ),
      );
    return [
      'layer      rms  channel max/median  largest/median  entropy, nats  margin, nats  clear  top tokens',
      ...lines,
      '',
    ].join('\n');
  } finally {
    await model.release();
  }
}

async function describeLayer(
  model: StreamedModel,
  layer: number,
  streams: readonly Float32Array[],
): Promise<string> {
  const { dModel, numTokens } = model.head;
  const channels = new Float64Array(dModel);
  const spikes: number[] = [];
  let square = 0;
  let count = 0;
  const entropies: number[] = [];
  const margins: number[] = [];
  const tops = new Set<number>();
  for (const stream of streams) {
    const rows = stream.length / dModel;
    for (let row = 0; row < rows; row++) {
      const sizes = [...stream.subarray(row * dModel, (row + 1) * dModel)].map(Math.abs);
      sizes.forEach((size, channel) => (channels[channel]! += size));
      spikes.push(Math.max(...sizes) / median(sizes));
      square += sizes.reduce((sum, size) => sum + size * size, 0);
      count += dModel;
    }
    const picked = Math.min(rows, sampledPositions);
    for (let index = 0; index < picked; index++) {
      const row = Math.round(((index + 1) * rows) / picked) - 1;
      const logits = await model.head.unembed(stream.slice(row * dModel, (row + 1) * dModel), [false]);
      const { entropy, margin, top } = describeLogits(logits.subarray(0, numTokens));
      entropies.push(entropy);
      margins.push(margin);
      tops.add(top);
    }
  }
  const clear = margins.filter((margin) => margin >= 0.1).length / margins.length;
  return [
    String(layer).padStart(5),
    Math.sqrt(square / count)
      .toFixed(3)
      .padStart(8),
    (Math.max(...channels) / median([...channels])).toFixed(1).padStart(19),
    Math.max(...spikes)
      .toFixed(0)
      .padStart(15),
    median(entropies).toFixed(2).padStart(14),
    median(margins).toFixed(3).padStart(13),
    `${(100 * clear).toFixed(0)} %`.padStart(6),
    `${tops.size} of ${margins.length}`.padStart(11),
  ].join(' ');
}

function describeLogits(logits: Float32Array) {
  let [top, second] = [0, -Infinity];
  for (let id = 1; id < logits.length; id++) {
    if (logits[id]! > logits[top]!) {
      second = logits[top]!;
      top = id;
    } else second = Math.max(second, logits[id]!);
  }
  let sum = 0;
  let weighted = 0;
  for (const logit of logits) {
    const weight = Math.exp(logit - logits[top]!);
    sum += weight;
    weighted += weight * (logit - logits[top]!);
  }
  return { top, margin: logits[top]! - second, entropy: Math.log(sum) - weighted / sum };
}
