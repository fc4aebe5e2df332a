import { z } from 'zod';
import { limits } from '../../../contract/limits.ts';
import type { ImageProcessor, ImageProcessorConfig } from '../../image/image-processor.ts';
import { resizeBicubic, type RgbImage } from '../../image/resize.ts';
import { patchify } from '../shared/patchify.ts';
import { smartResize } from './smart-resize.ts';

const triple = z.tuple([z.number(), z.number(), z.number()]);
const spread = z.number().positive();
const { pixels, smallestPixels, patch, merge } = limits.models;
const atMost = (most: number, what = '') => z.int().positive().max(most, `must be at most ${most}${what}`);
const largest = atMost(pixels, ' pixels, more than a model can look at');
const smallest = atMost(smallestPixels, ' pixels, to which small images are enlarged');

const configSchema = z
  .object({
    patch_size: atMost(patch),
    temporal_patch_size: atMost(merge),
    merge_size: atMost(merge),
    image_mean: triple,
    image_std: z.tuple([spread, spread, spread]),
    min_pixels: smallest.nullish(),
    max_pixels: largest.nullish(),
    size: z.object({ shortest_edge: smallest.optional(), longest_edge: largest.optional() }).nullish(),
  })
  .transform((file, context) => {
    // `size` is what newer processors read; the released files state min_pixels and max_pixels.
    const minPixels = file.min_pixels ?? file.size?.shortest_edge;
    const maxPixels = file.max_pixels ?? file.size?.longest_edge;
    if (minPixels === undefined || maxPixels === undefined) {
      context.addIssue('min_pixels and max_pixels, or size.shortest_edge and size.longest_edge');
      return z.NEVER;
    }
    if (minPixels > maxPixels) {
      context.addIssue(`min_pixels ${minPixels} must be at most max_pixels, ${maxPixels}`);
      return z.NEVER;
    }
    return {
      patchSize: file.patch_size,
      temporalPatchSize: file.temporal_patch_size,
      mergeSize: file.merge_size,
      minPixels,
      maxPixels,
      mean: file.image_mean,
      std: file.image_std,
    } satisfies ImageProcessorConfig;
  });

/** A Qwen2-VL image processor: smart-resize and patches in groups of merged tokens. */
export function qwenImageProcessor(config: ImageProcessorConfig): ImageProcessor {
  return { ...config, resize: resizeForModel, toPatches: patchify };
}

/** @throws ZodError */
export function parseQwenImageProcessor(json: unknown): ImageProcessor {
  return qwenImageProcessor(configSchema.parse(json));
}

function resizeForModel(image: RgbImage, config: ImageProcessorConfig): RgbImage {
  const { patchSize, mergeSize, minPixels, maxPixels } = config;
  const factor = patchSize * mergeSize;
  const [width, height] = smartResize(image.width, image.height, { factor, minPixels, maxPixels });
  return resizeBicubic(image, width, height);
}
