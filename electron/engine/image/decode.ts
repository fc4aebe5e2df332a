import { createHash } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import sharp from 'sharp';
import type { Metadata } from 'sharp';
import { FundusLensError } from '../../contract/errors.ts';
import { endsEarly, readPngSize } from './image-header.ts';
import type { RgbImage } from './resize.ts';

/** An image file as 8-bit sRGB pixels, upright. */
export interface DecodedImage extends RgbImage {
  /** SHA-256 of the file's bytes, lower-case hexadecimal. */
  readonly sha256: string;
}

/** An image file's bytes. */
export interface ImageFile {
  readonly path: string;
  readonly bytes: Buffer;
  /** Of the bytes, lower-case hexadecimal. */
  readonly sha256: string;
}

/** Largest area that is decoded, pixels; Pillow refuses larger ones too. */
const maxDecodedPixels = 178_956_970;
/** Largest file that is read, bytes. */
const maxFileBytes = 2 ** 30;
const photographFormats: ReadonlySet<string> = new Set(['jpeg', 'png', 'tiff', 'webp', 'gif', 'heif']);
const readableFormats = 'a JPEG, PNG, TIFF, WebP, GIF or AVIF image';

/**
 * Reads an image file into pixels as a person sees them: EXIF orientation applied, embedded ICC profile converted
 * to sRGB, transparency laid on black, 16 bits reduced to 8 by dropping the low byte, grey and CMYK turned into
 * RGB. Of a file with several pages the first is read.
 *
 * @returns rgb uint8 [H, W, 3]; width and height in pixels, after orientation
 * @throws FundusLensError `image.unreadable` when there is no such file or it is not an image, `image.truncated`
 *   when its end is missing, `image.too-large` when its header announces too many pixels (nothing is decoded then)
 */
export async function decodeImage(path: string): Promise<DecodedImage> {
  return decodeImageFile(await readImageFile(path));
}

/** The same for a file that was read already. */
export async function decodeImageFile({ path, bytes, sha256 }: ImageFile): Promise<DecodedImage> {
  const announced = readPngSize(bytes);
  if (announced !== null) checkSize(...announced, path);
  if (endsEarly(bytes)) throw truncated(path);
  const metadata = await readMetadata(bytes, path);
  checkSize(metadata.width, metadata.height, path);
  try {
    // `error` and not `truncated`: only from that level on does a TIFF whose end is missing fail.
    const { data, info } = await sharp(bytes, { failOn: 'error', limitInputPixels: maxDecodedPixels })
      .autoOrient()
      .flatten({ background: '#000000' })
      .toColourspace('srgb')
      .raw({ depth: 'uchar' })
      .toBuffer({ resolveWithObject: true });
    if (info.channels !== 3) throw new RangeError(`sharp gave ${info.channels} channels for ${path}, not 3`);
    return {
      sha256,
      width: info.width,
      height: info.height,
      rgb: new Uint8Array(data.buffer, data.byteOffset, data.length),
    };
  } catch (error) {
    throw explainDecodeError(error, path);
  }
}

/** @throws FundusLensError `image.unreadable` or `image.too-large` */
export async function readImageFile(path: string): Promise<ImageFile> {
  try {
    const { size } = await stat(path);
    if (size > maxFileBytes) {
      throw new FundusLensError('image.too-large', 'The image file is too large.', {
        expected: `at most ${maxFileBytes / 2 ** 20} MiB`,
        found: `${Math.round(size / 2 ** 20)} MiB in ${path}`,
        advice: 'Export the photograph as JPEG or PNG.',
      });
    }
    const bytes = await readFile(path);
    if (bytes.length === 0)
      throw unreadable(`an empty file: ${path}`, 'Copy the image from its source again.');
    return { path, bytes, sha256: createHash('sha256').update(bytes).digest('hex') };
  } catch (error) {
    if (error instanceof FundusLensError) throw error;
    throw explainFileError(error, path);
  }
}

async function readMetadata(bytes: Buffer, path: string): Promise<Metadata> {
  let metadata: Metadata;
  try {
    metadata = await sharp(bytes, { limitInputPixels: false }).metadata();
  } catch (error) {
    throw explainDecodeError(error, path);
  }
  if (!photographFormats.has(metadata.format)) throw notAnImage(`${metadata.format} in ${path}`);
  if (metadata.depth !== 'uchar' && metadata.depth !== 'ushort') {
    throw unreadable(
      `pixels of type ${metadata.depth} in ${path}`,
      'Export the photograph with 8 or 16 bits per channel.',
      '8 or 16 bits per channel',
    );
  }
  return metadata;
}

function checkSize(width: number, height: number, path: string): void {
  if (width * height <= maxDecodedPixels) return;
  throw new FundusLensError('image.too-large', 'The image has too many pixels.', {
    expected: `at most ${Math.floor(maxDecodedPixels / 1e6)} million pixels`,
    found: `${width} × ${height} pixels (${Math.round((width * height) / 1e6)} million) in ${path}`,
    advice: 'Check that the file is a photograph, and save it smaller.',
  });
}

function explainFileError(error: unknown, path: string): Error {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  if (code === 'ENOENT' || code === 'ENOTDIR') {
    return unreadable(`no file at ${path}`, 'Check the spelling of the path.');
  }
  if (code === 'EISDIR') return unreadable(`a folder: ${path}`, 'Give the image files themselves.');
  const reason = error instanceof Error ? error.message : String(error);
  return unreadable(`${path} cannot be read (${reason})`, 'Check the permissions of the file.');
}

function explainDecodeError(error: unknown, path: string): Error {
  if (!(error instanceof Error)) return new Error(String(error));
  const reason = error.message.split('\n').at(-1) ?? '';
  if (/unsupported image format/i.test(error.message)) return notAnImage(path);
  if (/premature end|read error|truncated|unexpected end|end of stream|out of data/i.test(error.message)) {
    return truncated(`${path} (${reason})`);
  }
  return unreadable(`${path} (${reason})`, 'Open the image in a viewer and save it again as JPEG or PNG.');
}

function truncated(found: string): FundusLensError {
  return new FundusLensError('image.truncated', 'The image file is incomplete: its end is missing.', {
    expected: 'a whole image file',
    found,
    advice: 'Copy the image from its source again.',
  });
}

function notAnImage(found: string): FundusLensError {
  return unreadable(found, 'Save the photograph as JPEG or PNG first.');
}

function unreadable(found: string, advice: string, expected = readableFormats): FundusLensError {
  return new FundusLensError('image.unreadable', 'The image cannot be read.', { expected, found, advice });
}
