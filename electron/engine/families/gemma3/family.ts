import { buildDecoder } from '../shared/decoder.ts';
import type { Family } from '../shared/family.ts';
import { feedSiglip } from '../shared/siglip.ts';
import { parseConfig } from './config.ts';
import { parseImageProcessor } from './preprocessing.ts';
import { imageTokens, surroundImage } from './prompt.ts';
import { canonicalTensorName } from './tensor-names.ts';
import { buildVisionTower } from './vision.ts';

const title = 'Gemma 3';

/**
 * Gemma 3 with its vision tower, and MedGemma, which is released under the same type: SigLIP on the whole image as one square,
 * pooled to a fixed number of tokens that look at each other in both directions; sliding and global blocks with rotations of
 * their own; gains stored less 1.
 */
export const gemma3: Family = {
  modelType: 'gemma3',
  title,
  canonicalTensorName,
  parseConfig: (json) => parseConfig(json, title),
  parseImageProcessor,
  buildVision: ({ vision }, weights, target) => buildVisionTower(vision, weights, target),
  feedVision: ({ vision }, _grid, pixelValues) =>
    feedSiglip(vision, vision.positionSide!, pixelValues, (patch) => patch),
  buildDecoder: ({ decoder }, weights, target, layers) => buildDecoder(decoder, weights, target, layers),
  surroundImage,
  imageTokens,
  positionIds: (length) => [Int32Array.from({ length }, (_, position) => position)],
};
