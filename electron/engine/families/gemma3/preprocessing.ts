import { z } from 'zod';
import { cutSquare } from '../../image/cut-square.ts';
import type { ImageProcessor } from '../../image/image-processor.ts';
import { resizeBicubic, resizeBilinear } from '../../image/resize.ts';
import type { ModelConfig } from '../shared/model-config.ts';
import { patchify } from '../shared/patchify.ts';

const half = [0.5, 0.5, 0.5] as const;
const triple = z.tuple([z.number(), z.number(), z.number()]);
const spread = z.number().positive();
const on = z.literal(true).nullish();
/** Numbers of Pillow's kernels. */
const resamplings = { 2: resizeBilinear, 3: resizeBicubic } as const;

const fileSchema = z.object({
  do_pan_and_scan: z
    .literal(false, {
      error: 'must be false or null: crops of pan-and-scan beside the whole image are not read',
    })
    .nullish(),
  do_resize: on,
  do_rescale: on,
  do_normalize: on,
  resample: z.union([z.literal(2), z.literal(3)]).default(2),
  size: z.object({ height: z.int().positive(), width: z.int().positive() }),
  image_mean: triple.default([...half]),
  image_std: z.tuple([spread, spread, spread]).default([...half]),
});

/**
 * A Gemma 3 image processor, as its PIL backend computes: the whole image brought to one square, whatever its sides were;
 * pixels that fill no patch are left out at the right and lower edge. Nothing else is seen of the image, so that a smaller
 * `maxPixels` changes nothing.
 *
 * @throws ZodError
 */
export function parseImageProcessor(json: unknown, { vision }: ModelConfig): ImageProcessor {
  const { patchSize, mergeSize, positionSide } = vision;
  const sees = (side: number) => Math.floor(side / patchSize) === positionSide;
  const { size, resample, image_mean, image_std } = fileSchema
    .refine(({ size: { width, height } }) => width === height && sees(width), {
      error: `size must be image_size of config.json, ${positionSide} patches of ${patchSize} pixels on either side`,
    })
    .parse(json);
  const pixels = size.width * size.height;
  return {
    ...{ patchSize, temporalPatchSize: 1, mergeSize, mean: image_mean, std: image_std },
    minPixels: pixels,
    maxPixels: pixels,
    resize: (image) => resamplings[resample](image, size.width, size.height),
    toPatches: (image, config) => patchify(cutSquare(image, 0, 0, positionSide! * patchSize), config),
  };
}
