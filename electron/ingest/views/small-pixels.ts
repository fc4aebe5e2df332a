import sharp from 'sharp';
import { limits } from '../../contract/limits.ts';
import { viewSizes } from './views.ts';

/**
 * An image's colours at the size of its small view: upright, sRGB, without transparency.
 *
 * @param file that sharp reads
 * @returns uint8 [height, width, 3]
 * @throws Error when the file cannot be decoded
 */
export async function readSmallPixels(
  file: string,
): Promise<{ pixels: Uint8Array; width: number; height: number }> {
  const { data, info } = await sharp(file, { limitInputPixels: limits.import.pixels, page: 0, pages: 1 })
    .autoOrient()
    .toColourspace('srgb')
    .removeAlpha()
    .resize({ width: viewSizes.small, height: viewSizes.small, fit: 'inside', withoutEnlargement: true })
    .raw({ depth: 'uchar' })
    .toBuffer({ resolveWithObject: true });
  return { pixels: data, width: info.width, height: info.height };
}
