import {
  closeSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  openSync,
  renameSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import path from 'node:path';
import { findFamily } from '../../electron/engine/families/registry.ts';
import { bytesPerElement } from '../../electron/engine/weights/safetensors.ts';
import { cpuTarget } from '../../electron/engine/graph/graph-target.ts';
import { buildLensHead } from '../../electron/engine/graph/lens-head.ts';
import type { WeightProvider } from '../../electron/engine/weights/weight-source.ts';
import { gemma3Config, gemma3Processor } from './random-gemma3.ts';
import { idefics3Config, idefics3Processor } from './random-idefics3.ts';
import { buildTokenizer, type TokenizerKind } from './random-tokenizer.ts';

/** The sides of a checkpoint; everything else is as in the released files. */
export interface CheckpointShape {
  readonly name: string;
  /** qwen2_5_vl unless said otherwise. */
  readonly family?: 'qwen2_vl' | 'qwen2_5_vl' | 'idefics3' | 'gemma3';
  readonly hiddenSize: number;
  readonly numLayers: number;
  readonly numHeads: number;
  readonly numKeyValueHeads: number;
  readonly intermediateSize: number;
  readonly vocabSize: number;
  readonly tied: boolean;
  readonly vision: {
    readonly width: number;
    readonly depth: number;
    readonly numHeads: number;
    readonly intermediateSize: number;
  };
  /** Smallest and largest area of an image, pixels; equal sides make the number of image tokens fixed. */
  readonly maxPixels: number;
}

const releasedVision = { width: 1280, depth: 32, numHeads: 16, intermediateSize: 3420 };
/** Enough for the notebook's photograph: 1036 × 672 pixels, 37 × 24 = 888 image tokens. */
const notebookPixels = 888 * 28 * 28;

const siglipBase = { width: 768, depth: 12, numHeads: 12, intermediateSize: 3072 };
/** 4 × 4 tiles of 512 pixels. */
const smolPixels = 2048 ** 2;

/** The released sizes, true to the last row. */
export const fullShapes = {
  '2B': {
    name: '2b',
    family: 'qwen2_vl',
    hiddenSize: 1536,
    numLayers: 28,
    numHeads: 12,
    numKeyValueHeads: 2,
    intermediateSize: 8960,
    vocabSize: 151_936,
    tied: true,
    vision: { ...releasedVision, intermediateSize: 5120 },
    maxPixels: notebookPixels,
  },
  '3B': {
    name: '3b',
    hiddenSize: 2048,
    numLayers: 36,
    numHeads: 16,
    numKeyValueHeads: 2,
    intermediateSize: 11_008,
    vocabSize: 151_936,
    tied: true,
    vision: releasedVision,
    maxPixels: notebookPixels,
  },
  '7B': {
    name: '7b',
    hiddenSize: 3584,
    numLayers: 28,
    numHeads: 28,
    numKeyValueHeads: 4,
    intermediateSize: 18_944,
    vocabSize: 152_064,
    tied: false,
    vision: releasedVision,
    maxPixels: notebookPixels,
  },
  'SmolVLM-256M': {
    name: 'smolvlm-256m',
    family: 'idefics3',
    hiddenSize: 576,
    numLayers: 30,
    numHeads: 9,
    numKeyValueHeads: 3,
    intermediateSize: 1536,
    vocabSize: 49_280,
    tied: false,
    vision: siglipBase,
    maxPixels: smolPixels,
  },
  'SmolVLM-500M': {
    name: 'smolvlm-500m',
    family: 'idefics3',
    hiddenSize: 960,
    numLayers: 32,
    numHeads: 15,
    numKeyValueHeads: 5,
    intermediateSize: 2560,
    vocabSize: 49_280,
    tied: false,
    vision: siglipBase,
    maxPixels: smolPixels,
  },
  'MedGemma-4B': {
    name: 'medgemma-4b',
    family: 'gemma3',
    hiddenSize: 2560,
    numLayers: 34,
    numHeads: 8,
    numKeyValueHeads: 4,
    intermediateSize: 10_240,
    vocabSize: 262_208,
    tied: true,
    vision: { width: 1152, depth: 27, numHeads: 16, intermediateSize: 4304 },
    maxPixels: 896 ** 2,
  },
} as const satisfies Record<string, CheckpointShape>;

/** The same with fewer blocks of the same sides, for machines on which the whole would take hours. */
export function reduceDepth(shape: CheckpointShape, depth: number): CheckpointShape {
  // Windows and whole-image attention alternate in fours.
  const visionDepth = Math.min(shape.vision.depth, 4 * Math.ceil(depth / 4));
  return {
    ...shape,
    name: `${shape.name}-depth-${depth}`,
    numLayers: Math.min(shape.numLayers, depth),
    vision: { ...shape.vision, depth: visionDepth },
  };
}

/** Middle size: 289 image tokens of a square photograph. */
export const middleShape: CheckpointShape = {
  name: 'middle',
  hiddenSize: 896,
  numLayers: 12,
  numHeads: 14,
  numKeyValueHeads: 2,
  intermediateSize: 4864,
  vocabSize: 151_936,
  tied: true,
  vision: { width: 640, depth: 8, numHeads: 10, intermediateSize: 1712 },
  maxPixels: 300 * 28 * 28,
};

export type BenchDtype = 'F32' | 'BF16';

export interface TensorSpec {
  /** Canonical name. */
  readonly name: string;
  readonly shape: readonly number[];
}

/** Gives a tensor's numbers in order and in parts, each of which may be reused for the next. */
export type FillTensor = (spec: TensorSpec) => Iterable<Float32Array>;

/**
 * Writes a checkpoint with random weights, unless the folder already holds it; memory does not grow with it.
 *
 * @param fill where the numbers come from; uniform ones when left out
 * @returns the checkpoint's folder
 */
export function makeRandomCheckpoint(
  parent: string,
  shape: CheckpointShape,
  dtype: BenchDtype,
  fill: FillTensor = uniformNumbers(),
): string {
  const folder = path.join(parent, `${shape.name}-${dtype.toLowerCase()}`);
  if (existsSync(path.join(folder, 'model.safetensors'))) return folder;
  mkdirSync(folder, { recursive: true });
  const { fixture: named, tokenizer: kind } = likenesses[shape.family ?? 'qwen2_5_vl'];
  const fixture = path.resolve(import.meta.dirname, '../../data/fixtures/checkpoints', named);
  copyFileSync(path.join(fixture, 'chat_template.jinja'), path.join(folder, 'chat_template.jinja'));
  const { tokenizer, tokenizerConfig, ids } = buildTokenizer(shape.vocabSize, kind);
  const config = buildConfig(shape, dtype, ids);
  const files = {
    'config.json': config,
    'tokenizer.json': tokenizer,
    'tokenizer_config.json': tokenizerConfig,
    'generation_config.json': { eos_token_id: [ids.end] },
    'preprocessor_config.json': buildProcessor(shape),
  };
  for (const [name, content] of Object.entries(files))
    writeFileSync(path.join(folder, name), JSON.stringify(content));
  const weights = path.join(folder, 'model.safetensors');
  // Under its name only when it is whole: a run that was ended leaves nothing that the next one takes for finished.
  writeWeights(`${weights}.part`, listTensors(config, shape), dtype, fill);
  renameSync(`${weights}.part`, weights);
  return folder;
}

/** By family: the fixture whose chat template is taken, and the tokenizer. */
const likenesses: Readonly<
  Record<
    NonNullable<CheckpointShape['family']>,
    { readonly fixture: string; readonly tokenizer: TokenizerKind }
  >
> = {
  qwen2_vl: { fixture: 'qwen2-5-vl-tied-bf16', tokenizer: 'qwen' },
  qwen2_5_vl: { fixture: 'qwen2-5-vl-tied-bf16', tokenizer: 'qwen' },
  idefics3: { fixture: 'idefics3-tied-f16-whole', tokenizer: 'smolvlm' },
  gemma3: { fixture: 'gemma3-tied-bf16', tokenizer: 'gemma' },
};

/** preprocessor_config.json */
function buildProcessor(shape: CheckpointShape) {
  if (shape.family === 'idefics3') return idefics3Processor(shape);
  if (shape.family === 'gemma3') return gemma3Processor(shape);
  return {
    patch_size: 14,
    temporal_patch_size: 2,
    merge_size: 2,
    min_pixels: 4 * 28 * 28,
    max_pixels: shape.maxPixels,
    image_mean: [0.48145466, 0.4578275, 0.40821073],
    image_std: [0.26862954, 0.26130258, 0.27577711],
    image_processor_type: 'Qwen2VLImageProcessor',
    processor_class: shape.family === 'qwen2_vl' ? 'Qwen2VLProcessor' : 'Qwen2_5_VLProcessor',
  };
}

export function buildConfig(
  shape: CheckpointShape,
  dtype: BenchDtype,
  ids: ReturnType<typeof buildTokenizer>['ids'],
) {
  if (shape.family === 'idefics3') return idefics3Config(shape, dtype, ids.imagePad);
  if (shape.family === 'gemma3') return gemma3Config(shape, dtype, ids.imagePad);
  const isOlder = shape.family === 'qwen2_vl';
  return {
    architectures: [`${isOlder ? 'Qwen2VL' : 'Qwen2_5_VL'}ForConditionalGeneration`],
    model_type: shape.family ?? 'qwen2_5_vl',
    hidden_size: shape.hiddenSize,
    num_hidden_layers: shape.numLayers,
    num_attention_heads: shape.numHeads,
    num_key_value_heads: shape.numKeyValueHeads,
    intermediate_size: shape.intermediateSize,
    vocab_size: shape.vocabSize,
    hidden_act: 'silu',
    rms_norm_eps: 1e-6,
    rope_theta: 1_000_000,
    rope_scaling: { type: 'mrope', mrope_section: mropeSection(shape.hiddenSize / shape.numHeads) },
    max_position_embeddings: 32_768,
    use_sliding_window: false,
    tie_word_embeddings: shape.tied,
    torch_dtype: dtype === 'F32' ? 'float32' : 'bfloat16',
    image_token_id: ids.imagePad,
    video_token_id: ids.videoPad,
    vision_start_token_id: ids.visionStart,
    vision_end_token_id: ids.visionEnd,
    eos_token_id: ids.end,
    vision_config: isOlder ? olderVision(shape) : vision(shape),
  };
}

function vision({ vision: sides, hiddenSize }: CheckpointShape) {
  return {
    depth: sides.depth,
    hidden_act: 'silu',
    hidden_size: sides.width,
    intermediate_size: sides.intermediateSize,
    num_heads: sides.numHeads,
    in_chans: 3,
    out_hidden_size: hiddenSize,
    patch_size: 14,
    spatial_merge_size: 2,
    spatial_patch_size: 14,
    temporal_patch_size: 2,
    tokens_per_second: 2,
    window_size: 112,
    fullatt_block_indexes: [0, 1, 2, 3].map((i) => ((i + 1) * sides.depth) / 4 - 1),
  };
}

function olderVision({ vision: sides, hiddenSize }: CheckpointShape) {
  return {
    depth: sides.depth,
    embed_dim: sides.width,
    hidden_size: hiddenSize,
    mlp_ratio: sides.intermediateSize / sides.width,
    num_heads: sides.numHeads,
    hidden_act: 'quick_gelu',
    in_chans: 3,
    patch_size: 14,
    spatial_merge_size: 2,
    spatial_patch_size: 14,
    temporal_patch_size: 2,
  };
}

/** Of the released sections 16, 24, 24 over a head of 128. */
function mropeSection(headDim: number): number[] {
  const unit = headDim / 16;
  return [2 * unit, 3 * unit, 3 * unit];
}

/** Every tensor that the family's graphs ask for, so that the list cannot drift from the compiler. */
export function listTensors(json: Record<string, unknown>, shape: CheckpointShape): TensorSpec[] {
  const family = findFamily(json['model_type']);
  const config = family.parseConfig(json);
  const { patchSize: patch, temporalPatchSize } = config.vision;
  const frames = temporalPatchSize === 1 ? [] : [temporalPatchSize];
  const specs = new Map<string, TensorSpec>();
  const recorder: WeightProvider = {
    take: (name, sides) => {
      const kernel =
        name === 'visual.patch_embed.proj.weight' ? [sides[0]!, 3, ...frames, patch, patch] : sides;
      specs.set(name, { name, shape: kernel });
      return { dtype: 'F32', location: '', offset: 0, byteLength: 0 };
    },
  };
  recorder.take('model.embed_tokens.weight', [shape.vocabSize, shape.hiddenSize]);
  family.buildVision(config, recorder, cpuTarget);
  family.buildDecoder(config, recorder, cpuTarget);
  const unembedding = shape.tied ? 'model.embed_tokens.weight' : 'lm_head.weight';
  buildLensHead(config.decoder, recorder, cpuTarget, {
    unembedding,
    slices: [{ start: 0, count: shape.vocabSize }],
  });
  return [...specs.values()];
}

const poolSize = 1 << 22;
const standardDeviation = 0.02;

export function writeWeights(
  file: string,
  specs: readonly TensorSpec[],
  dtype: BenchDtype,
  fill: FillTensor,
): void {
  let offset = 0;
  const header: Record<string, unknown> = {};
  for (const spec of specs) {
    const end = offset + countOf(spec) * bytesPerElement[dtype];
    header[spec.name] = { dtype, shape: spec.shape, data_offsets: [offset, end] };
    offset = end;
  }
  const json = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  const descriptor = openSync(file, 'w');
  writeSync(descriptor, Buffer.concat([length, json]));
  for (const spec of specs) for (const part of fill(spec)) writeSync(descriptor, encode(part, dtype));
  closeSync(descriptor);
}

/** Seeded numbers of a uniform distribution, enough that no two rows of a matrix are alike, and gains of 1. */
function uniformNumbers(): FillTensor {
  let state = 12_345;
  const uniform = () =>
    ((state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0) / 2 ** 32 - 0.5) * Math.sqrt(12);
  const pool = Float32Array.from({ length: poolSize - 1 }, () => standardDeviation * uniform());
  const ones = new Float32Array(poolSize - 1).fill(1);
  return function* (spec) {
    const source = isGain(spec.name) ? ones : pool;
    for (let left = countOf(spec); left > 0; left -= source.length) yield source.subarray(0, left);
  };
}

export function isGain(name: string): boolean {
  return /(norm\d?|ln_q|layernorm)\.weight$/.test(name);
}

export function countOf({ shape }: TensorSpec): number {
  return shape.reduce((product, side) => product * side, 1);
}

/** Little-endian; bfloat16 is rounded to the nearest, halves up. */
function encode(values: Float32Array, dtype: BenchDtype): Uint8Array {
  if (dtype === 'F32') return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const halves = new Uint16Array(values.length);
  for (let index = 0; index < bits.length; index++) halves[index] = (bits[index]! + 0x8000) >>> 16;
  return new Uint8Array(halves.buffer);
}
