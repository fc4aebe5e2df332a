import type { BenchDtype, CheckpointShape } from './random-checkpoint.ts';

const patchSize = 14;

/** config.json of Gemma 3 and MedGemma, as they are released, with what they leave to the class. */
export function gemma3Config(shape: CheckpointShape, dtype: BenchDtype, imageTokenId: number) {
  const { vision } = shape;
  return {
    architectures: ['Gemma3ForConditionalGeneration'],
    model_type: 'gemma3',
    image_token_index: imageTokenId,
    mm_tokens_per_image: 256,
    tie_word_embeddings: shape.tied,
    torch_dtype: dtype === 'F32' ? 'float32' : 'bfloat16',
    text_config: {
      model_type: 'gemma3_text',
      head_dim: 256,
      hidden_size: shape.hiddenSize,
      intermediate_size: shape.intermediateSize,
      num_attention_heads: shape.numHeads,
      num_hidden_layers: shape.numLayers,
      num_key_value_heads: shape.numKeyValueHeads,
      query_pre_attn_scalar: 256,
      rope_scaling: { factor: 8, rope_type: 'linear' },
      sliding_window: 1024,
      vocab_size: shape.vocabSize,
    },
    vision_config: {
      model_type: 'siglip_vision_model',
      hidden_size: vision.width,
      image_size: Math.sqrt(shape.maxPixels),
      intermediate_size: vision.intermediateSize,
      num_attention_heads: vision.numHeads,
      num_hidden_layers: vision.depth,
      patch_size: patchSize,
    },
  };
}

/** preprocessor_config.json: one square, bilinear. */
export function gemma3Processor({ maxPixels }: CheckpointShape) {
  const side = Math.sqrt(maxPixels);
  return {
    image_processor_type: 'Gemma3ImageProcessor',
    processor_class: 'Gemma3Processor',
    do_pan_and_scan: null,
    resample: 2,
    size: { height: side, width: side },
    image_mean: [0.5, 0.5, 0.5],
    image_std: [0.5, 0.5, 0.5],
  };
}
