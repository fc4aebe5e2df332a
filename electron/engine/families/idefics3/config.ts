import { z } from 'zod';
import type { DecoderConfig, ModelConfig, VisionConfig } from '../shared/model-config.ts';
import { configError, parsePart, requireAll } from '../shared/parse-config.ts';

const positive = z.int().positive();
const off = z.literal(false).nullish();

const ropeSchema = z.object({
  rope_type: z.string().optional(),
  type: z.string().optional(),
  rope_theta: z.number().positive().optional(),
});

/** Llama. What released files leave out means transformers' class default here; a wrong size shows in the tensors' shapes. */
const textSchema = z.object({
  num_hidden_layers: positive.default(32),
  hidden_size: positive,
  num_attention_heads: positive.default(32),
  num_key_value_heads: positive.nullish(),
  head_dim: positive.nullish(),
  intermediate_size: positive,
  vocab_size: positive,
  rms_norm_eps: z.number().positive().default(1e-6),
  hidden_act: z.literal('silu').default('silu'),
  rope_theta: z.number().positive().optional(),
  rope_scaling: ropeSchema.nullish(),
  rope_parameters: ropeSchema.nullish(),
  max_position_embeddings: positive.default(2048),
  attention_bias: off,
  mlp_bias: off,
  rope_interleaved: off,
  qk_layer_norms: off,
  use_resampler: off,
});

/** SigLIP. Released files state width, heads, image and patch size, and leave the rest to the class. */
const visionSchema = z.object({
  num_hidden_layers: positive.default(12),
  hidden_size: positive.default(1152),
  num_attention_heads: positive.default(16),
  intermediate_size: positive.default(3072),
  image_size: positive,
  patch_size: positive,
  num_channels: z.literal(3).default(3),
  hidden_act: z.literal('gelu_pytorch_tanh').default('gelu_pytorch_tanh'),
  layer_norm_eps: z.literal(1e-6).default(1e-6),
});

const rootSchema = z.object({
  image_token_id: z.int().nonnegative(),
  scale_factor: positive,
  tie_word_embeddings: z.boolean().optional(),
  text_config: z.record(z.string(), z.unknown()),
  vision_config: z.record(z.string(), z.unknown()),
});

/** @throws FundusLensError `model.config-invalid` that names every field that is missing or has a wrong value */
export function parseConfig(json: Record<string, unknown>, title: string): ModelConfig {
  const root = parsePart('config.json', title, rootSchema, json);
  const text = parsePart('text_config of config.json', title, textSchema, root.text_config);
  const file = parsePart('vision_config of config.json', title, visionSchema, root.vision_config);
  const decoder = toDecoderConfig(text);
  const vision: VisionConfig = {
    numBlocks: file.num_hidden_layers,
    width: file.hidden_size,
    numHeads: file.num_attention_heads,
    dMlp: file.intermediate_size,
    outWidth: decoder.dModel,
    patchSize: file.patch_size,
    temporalPatchSize: 1,
    mergeSize: root.scale_factor,
    tileSide: Math.floor(file.image_size / file.patch_size),
    windowSize: null,
    fullAttentionBlocks: [],
    ropeTheta: null,
    positionSide: Math.floor(file.image_size / file.patch_size),
    deepStackBlocks: [],
  };
  checkConsistency(decoder, vision);
  return {
    modelType: String(json['model_type']),
    decoder,
    vision,
    tiedUnembedding: root.tie_word_embeddings ?? null,
    imageTokenId: root.image_token_id,
  };
}

function toDecoderConfig(text: z.infer<typeof textSchema>): DecoderConfig {
  const rope = text.rope_parameters ?? text.rope_scaling;
  const kind = rope?.rope_type ?? rope?.type ?? 'default';
  if (kind !== 'default') throw configError('text_config of config.json', 'rope type "default"', `"${kind}"`);
  const ropeTheta = rope?.rope_theta ?? text.rope_theta;
  if (ropeTheta === undefined)
    throw configError('text_config of config.json', 'rope_theta, or rope_parameters with it', 'neither');
  const headDim = text.head_dim ?? text.hidden_size / text.num_attention_heads;
  return {
    numLayers: text.num_hidden_layers,
    dModel: text.hidden_size,
    numHeads: text.num_attention_heads,
    numKeyValueHeads: text.num_key_value_heads ?? text.num_attention_heads,
    headDim,
    dMlp: text.intermediate_size,
    vocabSize: text.vocab_size,
    rmsNormEps: text.rms_norm_eps,
    ropeTheta,
    ropeAxes: new Array<number>(Math.floor(headDim / 2)).fill(0),
    maxPositions: text.max_position_embeddings,
    attentionBias: false,
    normedQueryKey: false,
    deepStackDepth: 0,
  };
}

function checkConsistency(
  { headDim, numHeads, numKeyValueHeads }: DecoderConfig,
  { width, numHeads: visionHeads, tileSide, mergeSize }: VisionConfig,
): void {
  requireAll([
    [headDim % 16 === 0, 'a head size that is a multiple of 16', String(headDim)],
    [
      numHeads % numKeyValueHeads === 0,
      'query heads divisible by key-value heads',
      `${numHeads} / ${numKeyValueHeads}`,
    ],
    [width % visionHeads === 0, 'vision width divisible by its heads', `${width} / ${visionHeads}`],
    [
      tileSide! > 0 && tileSide! % mergeSize === 0,
      'patches of a side (image_size / patch_size) divisible by scale_factor',
      `${tileSide} / ${mergeSize}`,
    ],
  ]);
}
