import type { z } from 'zod';
import type { Family } from '../shared/family.ts';
import type { VisionConfig } from '../shared/model-config.ts';
import { parseModelConfig } from './config.ts';
import { buildDecoder } from '../shared/decoder.ts';
import { mropePositionIds } from './positions.ts';
import { parseQwenImageProcessor } from './preprocessing.ts';
import { qwenImageTokens } from './prompt.ts';
import { canonicalTensorName } from './tensor-names.ts';
import { feedVision } from './vision-feeds.ts';
import { buildVisionTower, type VisionBlocks } from './vision.ts';

interface QwenFamilyParts {
  readonly modelType: string;
  readonly title: string;
  /** vision_config of config.json. */
  readonly visionSchema: z.ZodType<VisionConfig>;
  readonly visionBlocks: VisionBlocks;
}

/**
 * A family of the Qwen2-VL kind: Qwen2 decoder, M-RoPE, smart-resize, one image in the place of `<|image_pad|>`.
 * Only the vision tower's configuration and blocks differ.
 */
export function qwenFamily({ modelType, title, visionSchema, visionBlocks }: QwenFamilyParts): Family {
  return {
    modelType,
    title,
    canonicalTensorName,
    parseConfig: (json) => parseModelConfig(json, { title, visionSchema, decoder: 'qwen2' }),
    parseImageProcessor: parseQwenImageProcessor,
    buildVision: ({ vision }, weights, target) => buildVisionTower(vision, weights, visionBlocks, target),
    feedVision: ({ vision }, grid, pixelValues) => feedVision(vision, grid, pixelValues),
    buildDecoder: ({ decoder }, weights, target, layers) => buildDecoder(decoder, weights, target, layers),
    imageTokens: qwenImageTokens,
    positionIds: mropePositionIds,
  };
}
