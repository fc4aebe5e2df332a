import { buildDecoder } from '../shared/decoder.ts';
import type { Family } from '../shared/family.ts';
import { parseConfig } from './config.ts';
import { parseImageProcessor } from './preprocessing.ts';
import { imageTokens } from './prompt.ts';
import { canonicalTensorName } from './tensor-names.ts';
import { feedVision } from './vision-feeds.ts';
import { buildVisionTower } from './vision.ts';

/**
 * SigLIP tower on tiles of the image, pixel shuffle, and a Llama decoder. SmolVLM is released under both types; videos of
 * SmolVLM2 are not read.
 */
function family(modelType: string, title: string): Family {
  return {
    modelType,
    title,
    canonicalTensorName,
    parseConfig: (json) => parseConfig(json, title),
    parseImageProcessor,
    buildVision: ({ vision }, weights, target) => buildVisionTower(vision, weights, target),
    feedVision: ({ vision }, _grid, pixelValues) => feedVision(vision, pixelValues),
    buildDecoder: ({ decoder }, weights, target, layers) => buildDecoder(decoder, weights, target, layers),
    imageTokens,
    positionIds: (length) => [Int32Array.from({ length }, (_, position) => position)],
  };
}

export const idefics3 = family('idefics3', 'Idefics3');
export const smolVlm = family('smolvlm', 'SmolVLM');
