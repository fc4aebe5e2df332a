import { z } from 'zod';
import { FundusLensError } from '../../../contract/errors.ts';
import type { DecoderConfig, ModelConfig, VisionConfig } from '../shared/model-config.ts';

const positive = z.int().positive();

const ropeSchema = z.object({
  rope_type: z.string().optional(),
  type: z.string().optional(),
  rope_theta: z.number().positive().optional(),
  mrope_section: z.tuple([positive, positive, positive]),
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
  tie_word_embeddings: z.boolean().optional(),
});

const rootSchema = z.object({
  image_token_id: z.int().nonnegative(),
  tie_word_embeddings: z.boolean().optional(),
  text_config: z.record(z.string(), z.unknown()).nullish(),
  vision_config: z.record(z.string(), z.unknown()),
});

/**
 * Parses config.json: the decoder here, the vision tower by the family's own schema. Nothing is defaulted
 * that released files state, since class defaults differ from the released values.
 *
 * @throws FundusLensError `model.config-invalid` that names every field that is missing or has a wrong value
 */
export function parseModelConfig(
  json: Record<string, unknown>,
  visionSchema: z.ZodType<VisionConfig>,
): ModelConfig {
  const root = parsePart('config.json', rootSchema, json);
  const text = parsePart('the text part of config.json', textSchema, root.text_config ?? json);
  const vision = parsePart('vision_config of config.json', visionSchema, root.vision_config);
  const decoder = toDecoderConfig(text, json);
  checkConsistency(decoder, vision);
  return {
    modelType: String(json['model_type']),
    decoder,
    vision,
    tiedUnembedding: root.tie_word_embeddings ?? text.tie_word_embeddings ?? null,
    imageTokenId: root.image_token_id,
  };
}

function toDecoderConfig(text: z.infer<typeof textSchema>, json: Record<string, unknown>): DecoderConfig {
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
  return {
    numLayers: text.num_hidden_layers,
    dModel: text.hidden_size,
    numHeads: text.num_attention_heads,
    numKeyValueHeads: text.num_key_value_heads ?? text.num_attention_heads,
    headDim: text.head_dim ?? text.hidden_size / text.num_attention_heads,
    dMlp: text.intermediate_size,
    vocabSize: text.vocab_size,
    rmsNormEps: text.rms_norm_eps,
    ropeTheta,
    ropeSections: rope.mrope_section,
    maxPositions: text.max_position_embeddings,
  };
}

function checkConsistency(decoder: DecoderConfig, vision: VisionConfig): void {
  const { headDim, numHeads, numKeyValueHeads, ropeSections, dModel } = decoder;
  const halfDim = ropeSections.reduce((sum, size) => sum + size, 0);
  const checks: [boolean, string, string][] = [
    [Number.isInteger(headDim), 'hidden_size divisible by num_attention_heads', `head size ${headDim}`],
    [
      numHeads % numKeyValueHeads === 0,
      'query heads divisible by key-value heads',
      `${numHeads} / ${numKeyValueHeads}`,
    ],
    [2 * halfDim === headDim, `mrope_section summing to ${headDim / 2}`, String(halfDim)],
    [vision.outWidth === dModel, `vision output width ${dModel}`, String(vision.outWidth)],
    [
      vision.width % vision.numHeads === 0,
      'vision width divisible by its heads',
      `${vision.width} / ${vision.numHeads}`,
    ],
  ];
  for (const [holds, expected, found] of checks) {
    if (!holds) throw configError('config.json', expected, found);
  }
}

function parsePart<T extends z.ZodType>(what: string, schema: T, value: unknown): z.infer<T> {
  const result = schema.safeParse(value);
  if (!result.success)
    throw configError(
      what,
      'the fields of a Qwen2-VL / Qwen2.5-VL checkpoint',
      z.prettifyError(result.error),
    );
  return result.data;
}

function configError(what: string, expected: string, found: string): FundusLensError {
  return new FundusLensError('model.config-invalid', `This model cannot be compiled from ${what}.`, {
    expected,
    found,
    advice: 'Use the config.json that belongs to the weights, unedited.',
  });
}
