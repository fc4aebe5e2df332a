import type { Patches } from '../image/image-processor.ts';
import { float32Data } from '../runtime/session.ts';
import type { Model } from './model.ts';

/**
 * Runs the vision tower on images of one grid, all in one pass.
 *
 * The tower stays in memory until `model.vision.rest()`.
 *
 * @param images at least one, all with the same grid
 * @returns by image, float32 [image tokens, inputWidth], in the order of the prompt
 */
export async function encodeImages(
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
