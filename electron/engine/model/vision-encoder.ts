import { concatenate } from '../weights/concatenate.ts';
import type { Patches } from '../image/image-processor.ts';
import { float32Data } from '../runtime/session.ts';
import type { Model } from './model.ts';

/**
 * Runs the vision tower on images of one grid, all in one pass; where images are cut into tiles, on one tile after the other: they do
 * not see each other, and together they take more memory and no less time.
 *
 * The tower stays in memory until `model.vision.rest()`.
 *
 * @param images at least one, all with the same grid
 * @returns by image, float32 [image tokens, inputWidth], in the order of the prompt
 */
export async function encodeImages(
  model: Pick<Model, 'checkpoint' | 'vision'>,
  images: readonly Patches[],
): Promise<Float32Array[]> {
  const { tileSide, patchSize, temporalPatchSize } = model.checkpoint.config.vision;
  if (tileSide === null) return runTower(model, images);
  const tileLength = 3 * temporalPatchSize * patchSize ** 2 * tileSide ** 2;
  const encoded: Float32Array[] = [];
  for (const { grid, pixelValues } of images) {
    const tiles: Float32Array[] = [];
    for (let start = 0; start < pixelValues.length; start += tileLength) {
      const tile = { grid, pixelValues: pixelValues.subarray(start, start + tileLength) };
      tiles.push(...(await runTower(model, [tile])));
    }
    encoded.push(concatenate(tiles));
  }
  return encoded;
}

async function runTower(
  { checkpoint: { family, config }, vision }: Pick<Model, 'checkpoint' | 'vision'>,
  images: readonly Patches[],
): Promise<Float32Array[]> {
  const pixels = images.map(({ pixelValues }) => pixelValues);
  const { feeds, toImageOrder } = family.feedVision(config, images[0]!.grid, pixels);
  const outputs = await vision.run(feeds, ['image_embeds']);
  const embeds = float32Data(outputs['image_embeds']);
  const size = embeds.length / images.length;
  return images.map((_, index) => toImageOrder(embeds.subarray(index * size, (index + 1) * size)));
}
