import { z } from 'zod';
import type { DecoderConfig, ModelConfig, SlidingBlocks, VisionConfig } from '../shared/model-config.ts';
import { configError, parsePart, requireAll } from '../shared/parse-config.ts';

const positive = z.int().positive();
const size = z.number().positive();
const off = z.literal(false).nullish();
/** transformers' Gemma 3 reads the field and caps nothing, so there is no reference for a model that would need it. */
const noCap = z.null({ error: 'must be null: soft-capping is not computed' }).optional();

const ropeSchema = z.object({
  rope_type: z.string().default('default'),
  factor: size.optional(),
  rope_theta: size.optional(),
});

/** What released files leave out means transformers' class default; a wrong size shows in the tensors' shapes. */
const textSchema = z.object({
  num_hidden_layers: positive.default(26),
  hidden_size: positive.default(2304),
  num_attention_heads: positive.default(8),
  num_key_value_heads: positive.default(4),
  head_dim: positive.default(256),
  intermediate_size: positive.default(9216),
  vocab_size: positive.default(262_208),
  rms_norm_eps: size.default(1e-6),
  hidden_activation: z.literal('gelu_pytorch_tanh').default('gelu_pytorch_tanh'),
  query_pre_attn_scalar: size.default(256),
  max_position_embeddings: positive.default(131_072),
  sliding_window: positive.default(4096),
  sliding_window_pattern: positive.default(6),
  layer_types: z.array(z.enum(['sliding_attention', 'full_attention'])).nullish(),
  rope_theta: size.default(1e6),
  rope_local_base_freq: size.default(1e4),
  rope_scaling: ropeSchema.nullish(),
  rope_parameters: z
    .object({ full_attention: ropeSchema.nullish(), sliding_attention: ropeSchema.nullish() })
    .nullish(),
  attention_bias: off,
  use_bidirectional_attention: off,
  attn_logit_softcapping: noCap,
  final_logit_softcapping: noCap,
});
type Text = z.infer<typeof textSchema>;

const visionSchema = z.object({
  num_hidden_layers: positive.default(12),
  hidden_size: positive.default(768),
  num_attention_heads: positive.default(12),
  intermediate_size: positive.default(3072),
  image_size: positive.default(224),
  patch_size: positive.default(16),
  num_channels: z.literal(3).default(3),
  hidden_act: z.literal('gelu_pytorch_tanh').default('gelu_pytorch_tanh'),
  layer_norm_eps: z.literal(1e-6).default(1e-6),
});

const rootSchema = z.object({
  image_token_index: z.int().nonnegative().default(262_144),
  mm_tokens_per_image: positive.default(256),
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
  const side = Math.floor(file.image_size / file.patch_size);
  const cells = Math.sqrt(root.mm_tokens_per_image);
  const vision: VisionConfig = {
    numBlocks: file.num_hidden_layers,
    width: file.hidden_size,
    numHeads: file.num_attention_heads,
    dMlp: file.intermediate_size,
    outWidth: decoder.dModel,
    patchSize: file.patch_size,
    temporalPatchSize: 1,
    mergeSize: side / cells,
    tileSide: null,
    windowSize: null,
    fullAttentionBlocks: [],
    ropeTheta: null,
    positionSide: side,
    deepStackBlocks: [],
  };
  checkConsistency(decoder, vision, root.mm_tokens_per_image);
  return {
    modelType: String(json['model_type']),
    decoder,
    vision,
    tiedUnembedding: root.tie_word_embeddings ?? null,
    imageTokenId: root.image_token_index,
  };
}

function toDecoderConfig(text: Text): DecoderConfig {
  const { full, sliding } = readRopes(text);
  return {
    numLayers: text.num_hidden_layers,
    dModel: text.hidden_size,
    numHeads: text.num_attention_heads,
    numKeyValueHeads: text.num_key_value_heads,
    headDim: text.head_dim,
    dMlp: text.intermediate_size,
    vocabSize: text.vocab_size,
    rmsNormEps: text.rms_norm_eps,
    ropeTheta: full.theta,
    ropeFactor: full.factor,
    ropeAxes: new Array<number>(Math.floor(text.head_dim / 2)).fill(0),
    maxPositions: text.max_position_embeddings,
    attentionBias: false,
    normedQueryKey: true,
    deepStackDepth: 0,
    embeddingScale: Math.sqrt(text.hidden_size),
    gainOffset: 1,
    normedUpdates: true,
    activation: 'gelu',
    queryScalar: text.query_pre_attn_scalar,
    sliding: { window: text.sliding_window, ropeTheta: sliding, layers: slidingLayers(text) },
    imageSeesItself: true,
  };
}

/** Every `sliding_window_pattern`-th block sees everything, unless the file lists the blocks. */
function slidingLayers(text: Text): SlidingBlocks['layers'] {
  const listed = text.layer_types?.map((type) => type === 'sliding_attention');
  const layers = Array.from(
    { length: text.num_hidden_layers },
    (_, layer) => (layer + 1) % text.sliding_window_pattern !== 0,
  );
  requireAll([
    [
      listed === undefined || listed.length === layers.length,
      `layer_types of ${layers.length} blocks`,
      `${listed?.length}`,
    ],
  ]);
  return listed ?? layers;
}

/** Global blocks may scale positions; local ones do not. */
function readRopes(text: Text) {
  const full = text.rope_parameters?.full_attention ?? text.rope_scaling ?? ropeSchema.parse({});
  const sliding = text.rope_parameters?.sliding_attention ?? ropeSchema.parse({});
  const where = 'text_config of config.json';
  if (!['default', 'linear'].includes(full.rope_type))
    throw configError(
      where,
      'rope type "default" or "linear" of blocks that see everything',
      `"${full.rope_type}"`,
    );
  if (sliding.rope_type !== 'default')
    throw configError(where, 'rope type "default" of sliding blocks', `"${sliding.rope_type}"`);
  if (full.rope_type === 'linear' && full.factor === undefined)
    throw configError(where, 'a factor of the linear rope scaling', 'none');
  return {
    full: {
      theta: full.rope_theta ?? text.rope_theta,
      factor: full.rope_type === 'linear' ? full.factor! : 1,
    },
    sliding: sliding.rope_theta ?? text.rope_local_base_freq,
  };
}

function checkConsistency(
  { headDim, numHeads, numKeyValueHeads }: DecoderConfig,
  { width, numHeads: visionHeads, mergeSize, positionSide }: VisionConfig,
  tokens: number,
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
      Number.isInteger(mergeSize) && mergeSize > 0,
      'mm_tokens_per_image that is a square whose root divides the patches of a side (image_size / patch_size)',
      `${tokens} of ${positionSide} × ${positionSide} patches`,
    ],
  ]);
}
