import { z } from 'zod';
import type { ImageProcessor, ImageProcessorConfig, Patches } from '../../image/image-processor.ts';
import { cutSquare } from '../../image/cut-square.ts';
import { resizeBicubic, resizeLanczos, type RgbImage } from '../../image/resize.ts';
import { concatenate } from '../../weights/concatenate.ts';
import type { ModelConfig } from '../shared/model-config.ts';
import { patchify } from '../shared/patchify.ts';

/** transformers scales no image beyond this. */
const largestEdge = 4096;
const mostTilesPerSide = 32;
const half = [0.5, 0.5, 0.5] as const;
const triple = z.tuple([z.number(), z.number(), z.number()]);
const spread = z.number().positive();
const on = z.literal(true).nullish();
/** Numbers of Pillow's kernels. */
const resamplings = { 1: resizeLanczos, 3: resizeBicubic } as const;

const fileSchema = z.object({
  do_image_splitting: z.boolean().default(true),
  do_resize: on,
  do_rescale: on,
  do_normalize: on,
  resample: z.union([z.literal(1), z.literal(3)]).default(1),
  size: z.object({ longest_edge: z.int().positive().max(largestEdge) }),
  max_image_size: z.object({ longest_edge: z.int().positive().max(largestEdge) }),
  image_mean: triple.default([...half]),
  image_std: z.tuple([spread, spread, spread]).default([...half]),
});

/**
 * An Idefics3 image processor, as its PIL backend computes: the longest edge brought to its size, both sides then to whole
 * tiles, the tiles cut out, and the whole resized once more to one tile; every step rounds to 8 bits. Without splitting the
 * whole is one tile from the first.
 *
 * A smaller `maxPixels` takes fewer tiles along the longest edge, as a smaller `size.longest_edge` of the file would.
 *
 * @throws ZodError
 */
export function parseImageProcessor(json: unknown, { vision }: ModelConfig): ImageProcessor {
  const { patchSize, mergeSize } = vision;
  const tileSide = vision.tileSide!;
  const file = fileSchema
    .refine(({ max_image_size: { longest_edge: tile } }) => Math.floor(tile / patchSize) === tileSide, {
      error: `max_image_size.longest_edge must be image_size of config.json, ${tileSide} patches of ${patchSize} pixels`,
    })
    .refine(
      ({ size, max_image_size }) => size.longest_edge <= mostTilesPerSide * max_image_size.longest_edge,
      { error: `size.longest_edge must be at most ${mostTilesPerSide} times max_image_size.longest_edge` },
    )
    .parse(json);
  const tile = file.max_image_size.longest_edge;
  const isSplit = file.do_image_splitting;
  const tiles = isSplit ? Math.ceil(file.size.longest_edge / tile) : 1;
  const resample = resamplings[file.resample];

  /** [width, height] of the last longest edge, tiles along it counted down, that the limit allows. */
  const chooseSizes = (image: RgbImage, maxPixels: number): readonly (readonly [number, number])[] => {
    if (!isSplit) return [scaleToEdge(image, file.size.longest_edge), [tile, tile]];
    for (let count = tiles; ; count--) {
      const edge = count === tiles ? file.size.longest_edge : count * tile;
      const scaled = scaleToEdge(image, edge);
      const [width, height] = toWholeTiles(scaled, tile);
      if (count === 1 || width * height <= maxPixels) return [scaled, [width, height]];
    }
  };
  const resize = (image: RgbImage, { maxPixels }: ImageProcessorConfig): RgbImage =>
    chooseSizes(image, maxPixels).reduce((from, [width, height]) => resample(from, width, height), image);

  // Pixels that fill no patch are left out at the right and lower edge of a tile.
  const toPatches = (image: RgbImage, config: ImageProcessorConfig): Patches => {
    const [rows, columns] = [image.height / tile, image.width / tile];
    const views = Array.from({ length: rows * columns }, (_, index) =>
      cutSquare(image, (index % columns) * tile, Math.floor(index / columns) * tile, tileSide * patchSize),
    );
    if (views.length > 1) views.push(cutSquare(resample(image, tile, tile), 0, 0, tileSide * patchSize));
    return {
      grid: [1, rows * tileSide, columns * tileSide],
      pixelValues: concatenate(views.map((view) => patchify(view, config).pixelValues)),
    };
  };

  return {
    ...{ patchSize, temporalPatchSize: 1, mergeSize, mean: file.image_mean, std: file.image_std },
    minPixels: tile ** 2,
    maxPixels: (tiles * tile) ** 2,
    resize,
    toPatches,
  };
}

/** [width, height] with the longer side at `edge` and the other to an even number of pixels, rounded as Python does. */
export function scaleToEdge(
  { width, height }: Pick<RgbImage, 'width' | 'height'>,
  edge: number,
): [number, number] {
  const aspectRatio = width / height;
  const even = (side: number) => Math.max(1, side + (side % 2));
  return width >= height
    ? [edge, even(Math.trunc(edge / aspectRatio))]
    : [even(Math.trunc(edge * aspectRatio)), edge];
}

/** [width, height] as whole tiles. */
export function toWholeTiles([width, height]: readonly [number, number], tile: number): [number, number] {
  const aspectRatio = width / height;
  const whole = (side: number) => Math.ceil(side / tile) * tile;
  if (width >= height) return [whole(width), whole(Math.trunc(whole(width) / aspectRatio))];
  return [whole(Math.trunc(whole(height) * aspectRatio)), whole(height)];
}
