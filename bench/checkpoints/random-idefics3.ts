import type { BenchDtype, CheckpointShape } from './random-checkpoint.ts';

const tile = 512;

/** config.json of SmolVLM, as it is released. */
export function idefics3Config(shape: CheckpointShape, dtype: BenchDtype, imageTokenId: number) {
  const { vision } = shape;
  return {
    architectures: ['Idefics3ForConditionalGeneration'],
    model_type: 'idefics3',
    image_token_id: imageTokenId,
    scale_factor: 4,
    tie_word_embeddings: shape.tied,
    torch_dtype: dtype === 'F32' ? 'float32' : 'bfloat16',
    text_config: {
      model_type: 'llama',
      head_dim: shape.hiddenSize / shape.numHeads,
      hidden_size: shape.hiddenSize,
      intermediate_size: shape.intermediateSize,
      max_position_embeddings: 8192,
      num_attention_heads: shape.numHeads,
      num_hidden_layers: shape.numLayers,
      num_key_value_heads: shape.numKeyValueHeads,
      rms_norm_eps: 1e-5,
      rope_theta: 100_000,
      vocab_size: shape.vocabSize,
    },
    vision_config: {
      model_type: 'idefics3',
      hidden_size: vision.width,
      image_size: tile,
      intermediate_size: vision.intermediateSize,
      num_attention_heads: vision.numHeads,
      num_hidden_layers: vision.depth,
      patch_size: 16,
    },
  };
}

/** preprocessor_config.json: as many tiles along the longest edge as the shape's area has. */
export function idefics3Processor({ maxPixels }: CheckpointShape) {
  return {
    image_processor_type: 'Idefics3ImageProcessor',
    processor_class: 'Idefics3Processor',
    do_image_splitting: true,
    resample: 1,
    size: { longest_edge: Math.sqrt(maxPixels) },
    max_image_size: { longest_edge: tile },
    image_mean: [0.5, 0.5, 0.5],
    image_std: [0.5, 0.5, 0.5],
  };
}
