import { parseModelConfig } from '../qwen-shared/config.ts';
import { buildDecoder } from '../shared/decoder.ts';
import { mropePositionIds } from '../qwen-shared/positions.ts';
import { parseQwenImageProcessor } from '../qwen-shared/preprocessing.ts';
import { qwenImageTokens } from '../qwen-shared/prompt.ts';
import { canonicalTensorName } from '../qwen-shared/tensor-names.ts';
import type { Family } from '../shared/family.ts';
import { visionSchema } from './config.ts';
import { feedVision } from './vision-feeds.ts';
import { buildVisionTower } from './vision.ts';

const title = 'Qwen3-VL';

/**
 * Dense Qwen3-VL: learned positions beside rotary ones in the vision tower, queries and keys normed in the decoder, M-RoPE
 * interleaved, and DeepStack, which adds features of earlier vision blocks after the decoder's first blocks.
 */
export const qwen3Vl: Family = {
  modelType: 'qwen3_vl',
  title,
  canonicalTensorName,
  parseConfig: (json) => parseModelConfig(json, { title, visionSchema, decoder: 'qwen3' }),
  parseImageProcessor: parseQwenImageProcessor,
  buildVision: ({ vision }, weights, target) => buildVisionTower(vision, weights, target),
  feedVision: ({ vision }, grid, pixelValues) => feedVision(vision, grid, pixelValues),
  buildDecoder: ({ decoder }, weights, target, layers) => buildDecoder(decoder, weights, target, layers),
  imageTokens: qwenImageTokens,
  positionIds: mropePositionIds,
};
