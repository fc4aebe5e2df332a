import sharp from 'sharp';
import type { Sharp } from 'sharp';
import type { ImageFormat } from '../../contract/image-query.ts';
import { decodeDicom } from '../dicom/decode-dicom.ts';
import type { RenderedFrame } from '../dicom/render.ts';
import type { ImportLimits } from '../import-failure.ts';

/** Pixels to show: a file that sharp reads, or samples already unpacked. */
export type PixelSource =
  | { readonly kind: 'encoded'; readonly bytes: Uint8Array }
  | { readonly kind: 'raw'; readonly frame: Pick<RenderedFrame, 'width' | 'height' | 'channels' | 'pixels'> };

/** How forgiving the decoder is: at `warning` it fails on any oddity, at `error` on what costs pixels. */
export type Strictness = 'warning' | 'error';

export const viewSizes = { small: 256, large: 1600 } as const;

export interface Views {
  /** WebP, 256 px on the longer side. */
  readonly small: Buffer;
  /** WebP, 1600 px on the longer side; never enlarged. */
  readonly large: Buffer;
}

/** Opens pixels for a chain of operations; upright, first page, at most `maxPixels`. */
export function openPixels(source: PixelSource, maxPixels: number, failOn: Strictness = 'error'): Sharp {
  if (source.kind === 'raw') {
    const { width, height, channels, pixels } = source.frame;
    return sharp(pixels, { raw: { width, height, channels }, limitInputPixels: maxPixels });
  }
  return sharp(source.bytes, { failOn, limitInputPixels: maxPixels, page: 0, pages: 1 }).autoOrient();
}

/**
 * Makes both cached views in one pass over the pixels, which also proves that all of them can be decoded. Colours are
 * converted to sRGB with the file's own profile.
 */
export async function makeViews(source: PixelSource, maxPixels: number, failOn: Strictness): Promise<Views> {
  const { large: side, small: smallSide } = viewSizes;
  const { data, info } = await openPixels(source, maxPixels, failOn)
    .toColourspace('srgb')
    .resize({ width: side, height: side, fit: 'inside', withoutEnlargement: true })
    .raw({ depth: 'uchar' })
    .toBuffer({ resolveWithObject: true });
  const raw = { width: info.width, height: info.height, channels: info.channels };
  const [large, small] = await Promise.all([
    sharp(data, { raw }).webp({ quality: 85, effort: 2 }).toBuffer(),
    sharp(data, { raw })
      .resize({ width: smallSide, height: smallSide, fit: 'inside', withoutEnlargement: true })
      .webp({ quality: 80, effort: 2 })
      .toBuffer(),
  ]);
  return { large, small };
}

/**
 * The red-free view: the green channel, in which vessels and haemorrhages stand out, with contrast stretched locally
 * (CLAHE in tiles of an eighth, slope at most 3).
 *
 * @returns WebP, at most 1600 px
 */
export async function makeRedFree(source: PixelSource, maxPixels: number): Promise<Buffer> {
  const { data, info } = await openPixels(source, maxPixels)
    .toColourspace('srgb')
    .removeAlpha()
    .resize({ width: viewSizes.large, height: viewSizes.large, fit: 'inside', withoutEnlargement: true })
    .raw({ depth: 'uchar' })
    .toBuffer({ resolveWithObject: true });
  const { width, height, channels } = info;
  const upright = sharp(data, { raw: { width, height, channels } });
  const green = channels >= 3 ? upright.extractChannel('green') : upright;
  const tile = { width: Math.max(3, width >> 3), height: Math.max(3, height >> 3) };
  const fits = width >= tile.width && height >= tile.height;
  return (fits ? green.clahe({ ...tile, maxSlope: 3 }) : green).webp({ quality: 90 }).toBuffer();
}

/**
 * One frame of a DICOM file, or page of a picture, 1 the first, as a lossless PNG.
 *
 * @throws ImportFailure when the file ends before it
 */
export async function makeFrame(
  bytes: Buffer,
  format: ImageFormat,
  frame: number,
  limits: ImportLimits,
): Promise<Buffer> {
  if (format === 'dicom') return makeRendering((await decodeDicom(bytes, limits, frame - 1)).frame);
  return sharp(bytes, { failOn: 'error', limitInputPixels: limits.pixels, page: frame - 1, pages: 1 })
    .autoOrient()
    .toColourspace('srgb')
    .png()
    .toBuffer();
}

/** Lossless PNG of unpacked samples. */
export function makeRendering({ width, height, channels, pixels }: RenderedFrame): Promise<Buffer> {
  return sharp(pixels, { raw: { width, height, channels } }).png({ compressionLevel: 6 }).toBuffer();
}
