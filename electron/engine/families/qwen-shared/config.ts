import { z } from 'zod';
import type { DecoderConfig, ModelConfig, VisionConfig } from '../shared/model-config.ts';
import { configError, parsePart, requireAll } from '../shared/parse-config.ts';

const positive = z.int().positive();

/** Where vision_config may state its rotary base; released files do not, and mean 10,000. */
export const visionRopeFields = {
  rope_theta: z.number().positive().nullish(),
  rope_parameters: z.object({ rope_theta: z.number().positive().nullish() }).nullish(),
};

const releasedVisionRopeTheta = 10_000;

export function visionRopeTheta(file: z.infer<z.ZodObject<typeof visionRopeFields>>): number {
  return file.rope_parameters?.rope_theta ?? file.rope_theta ?? releasedVisionRopeTheta;
}

const ropeSchema = z.object({
  rope_type: z.string().optional(),
  type: z.string().optional(),
  rope_theta: z.number().positive().optional(),
  mrope_section: z.tuple([positive, positive, positive]),
  mrope_interleaved: z.boolean().optional(),
});

/** The text half of config.json: flat beside vision_config as released, or under text_config as saved later. */
const textSchema = z.object({
  num_hidden_layers: positive,
  hidden_size: positive,
  num_attention_heads: positive,
  num_key_value_heads: positive.optional(),
  head_dim: positive.nullish(),
  intermediate_size: positive,
  vocab_size: positive,
  rms_norm_eps: z.number().positive(),
  hidden_act: z.literal('silu'),
  rope_theta: z.number().positive().optional(),
  rope_scaling: ropeSchema.nullish(),
  rope_parameters: ropeSchema.nullish(),
  max_position_embeddings: positive,
  use_sliding_window: z.literal(false).nullish(),
  attention_bias: z.boolean().nullish(),
  tie_word_embeddings: z.boolean().optional(),
});

const rootSchema = z.object({
  image_token_id: z.int().nonnegative(),
  tie_word_embeddings: z.boolean().optional(),
  text_config: z.record(z.string(), z.unknown()).nullish(),
  vision_config: z.record(z.string(), z.unknown()),
});

/** What differs between the families' configurations. */
interface ConfigTraits {
  /** Name of the family for display. */
  readonly title: string;
  /** vision_config of config.json. */
  readonly visionSchema: z.ZodType<VisionConfig>;
  /** Qwen2: biases on queries, keys and values, M-RoPE by sections. Qwen3: normed queries and keys, M-RoPE interleaved. */
  readonly decoder: 'qwen2' | 'qwen3';
}

/**
 * Parses config.json: the decoder here, the vision tower by the family's own schema. Nothing is defaulted
 * that released files state, since class defaults differ from the released values.
 *
 * @throws FundusLensError `model.config-invalid` that names every field that is missing or has a wrong value
 */
export function parseModelConfig(json: Record<string, unknown>, traits: ConfigTraits): ModelConfig {
  const { title } = traits;
  const root = parsePart('config.json', title, rootSchema, json);
  const text = parsePart('the text part of config.json', title, textSchema, root.text_config ?? json);
  const vision = parsePart('vision_config of config.json', title, traits.visionSchema, root.vision_config);
  const decoder = toDecoderConfig(text, json, traits.decoder, vision);
  checkConsistency(decoder, vision);
  return {
    modelType: String(json['model_type']),
    decoder,
    vision,
    tiedUnembedding: root.tie_word_embeddings ?? text.tie_word_embeddings ?? null,
    imageTokenId: root.image_token_id,
  };
}

function toDecoderConfig(
  text: z.infer<typeof textSchema>,
  json: Record<string, unknown>,
  kindOfDecoder: ConfigTraits['decoder'],
  { deepStackBlocks }: VisionConfig,
): DecoderConfig {
  const isQwen3 = kindOfDecoder === 'qwen3';
  const rope = text.rope_parameters ?? text.rope_scaling;
  const ropeTheta = rope?.rope_theta ?? text.rope_theta ?? (json['rope_theta'] as number | undefined);
  if (!rope || ropeTheta === undefined) {
    throw configError(
      'the text part of config.json',
      'rope_theta and mrope_section (rope_scaling or rope_parameters)',
      'none',
    );
  }
  const kind = rope.rope_type ?? rope.type ?? 'default';
  if (kind !== 'mrope' && kind !== 'default') {
    throw configError('the text part of config.json', 'rope type "mrope" or "default"', `"${kind}"`);
  }
  if (isQwen3 && (text.attention_bias === true || rope.mrope_interleaved === false)) {
    throw configError(
      'the text part of config.json',
      'attention_bias: false and mrope_interleaved: true',
      `${text.attention_bias} and ${rope.mrope_interleaved}`,
    );
  }
  const headDim = text.head_dim ?? text.hidden_size / text.num_attention_heads;
  const [t, h, w] = rope.mrope_section;
  if (2 * (t + h + w) !== headDim) {
    throw configError('config.json', `mrope_section summing to ${headDim / 2}`, String(t + h + w));
  }
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
    ropeAxes: isQwen3 ? interleavedAxes(rope.mrope_section) : sectionAxes(rope.mrope_section),
    maxPositions: text.max_position_embeddings,
    attentionBias: !isQwen3,
    normedQueryKey: isQwen3,
    deepStackDepth: deepStackBlocks.length,
  };
}

/** t … t h … h w … w */
function sectionAxes(sections: readonly number[]): number[] {
  return sections.flatMap((size, axis) => Array.from({ length: size }, () => axis));
}

/** t h w t h w …, and t again where h and w have had their share. */
function interleavedAxes(sections: readonly [number, number, number]): number[] {
  const halfDim = sections[0] + sections[1] + sections[2];
  return Array.from({ length: halfDim }, (_, j) => (j < 3 * sections[j % 3]! ? j % 3 : 0));
}

function checkConsistency(decoder: DecoderConfig, vision: VisionConfig): void {
  const { headDim, numHeads, numKeyValueHeads, dModel, numLayers, deepStackDepth } = decoder;
  requireAll([
    [Number.isInteger(headDim), 'hidden_size divisible by num_attention_heads', `head size ${headDim}`],
    [
      numHeads % numKeyValueHeads === 0,
      'query heads divisible by key-value heads',
      `${numHeads} / ${numKeyValueHeads}`,
    ],
    [
      deepStackDepth <= numLayers,
      'a decoder block for each of deepstack_visual_indexes',
      `${numLayers} blocks`,
    ],
    [vision.outWidth === dModel, `vision output width ${dModel}`, String(vision.outWidth)],
    [
      vision.width % vision.numHeads === 0,
      'vision width divisible by its heads',
      `${vision.width} / ${vision.numHeads}`,
    ],
  ]);
}
