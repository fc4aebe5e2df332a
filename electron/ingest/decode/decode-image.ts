import sharp from 'sharp';
import type { Metadata } from 'sharp';
import type { ImageFormat } from '../../contract/image-query.ts';
import { decodeBmp } from './bmp.ts';
import type { DicomAttributes } from '../dicom/attributes.ts';
import { decodeDicom } from '../dicom/decode-dicom.ts';
import type { RenderedFrame } from '../dicom/render.ts';
import { readExif } from './exif.ts';
import type { ExifFacts } from './exif.ts';
import type { ImportLimits } from '../import-failure.ts';
import { ImportFailure } from '../import-failure.ts';
import { makeViews } from '../views/views.ts';
import type { Views } from '../views/views.ts';

export interface DecodedImage {
  readonly width: number;
  readonly height: number;
  readonly bitDepth: number;
  readonly frames: number;
  readonly views: Views;
  /** Unpacked samples of a format that ordinary decoders cannot read; null for the others. */
  readonly rendering: RenderedFrame | null;
  readonly dicom: DicomAttributes | null;
  readonly exif: ExifFacts;
  /** Reason codes with details, for the report and the image. */
  readonly remarks: readonly string[];
}

const noExif: ExifFacts = { capturedAt: null, camera: null };

/**
 * Decodes a whole file, so that a broken one is found now and not when somebody looks at it.
 *
 * @throws ImportFailure of the `image.`, `bmp.`, `heic.` or `dicom.` family
 */
export async function decodeImage(
  bytes: Buffer,
  format: ImageFormat,
  limits: ImportLimits,
): Promise<DecodedImage> {
  switch (format) {
    case 'dicom':
      return decodeDicomImage(bytes, limits);
    case 'bmp': {
      const { width, height, bitDepth, pixels } = decodeBmp(bytes, limits.pixels);
      const frame = { width, height, channels: 3 as const, pixels, mapping: null };
      const views = await makeViews({ kind: 'raw', frame }, limits.pixels, 'error');
      const facts = { dicom: null, exif: noExif, remarks: [] };
      return { width, height, bitDepth, frames: 1, views, rendering: frame, ...facts };
    }
    case 'heic':
      throw new ImportFailure(
        'heic.no-decoder',
        'HEIC pictures cannot be read; save the picture as JPEG or PNG and import that.',
      );
    default:
      return decodeEncoded(bytes, format, limits);
  }
}

async function decodeDicomImage(bytes: Buffer, limits: ImportLimits): Promise<DecodedImage> {
  const { attributes, format, frame, transferSyntaxGuessed } = await decodeDicom(bytes, limits);
  const remarks: string[] = [];
  if (format.frames > 1) remarks.push(`remark.first-of-many: first of ${format.frames} frames`);
  if (transferSyntaxGuessed) remarks.push('remark.no-transfer-syntax: told from the bytes');
  if (frame.mapping !== null) remarks.push(`remark.windowed: ${frame.mapping}`);
  return {
    width: frame.width,
    height: frame.height,
    bitDepth: format.bitsStored,
    frames: format.frames,
    views: await makeViews({ kind: 'raw', frame }, limits.pixels, 'error'),
    rendering: frame,
    dicom: attributes,
    exif: noExif,
    remarks,
  };
}

async function decodeEncoded(
  bytes: Buffer,
  format: ImageFormat,
  limits: ImportLimits,
): Promise<DecodedImage> {
  let metadata: Metadata;
  try {
    metadata = await sharp(bytes, { limitInputPixels: limits.pixels }).metadata();
  } catch (error) {
    throw explainDecoderError(error, bytes, format, limits);
  }
  const { width, height } = metadata.autoOrient;
  const pages = metadata.pages ?? 1;
  // A vertical strip of pages is reported as one tall picture only when all pages are asked for.
  if (width * height > limits.pixels) {
    throw new ImportFailure(
      'image.too-many-pixels',
      `The picture has ${width} × ${height} pixels; at most ${limits.pixels} are taken in.`,
    );
  }
  const remarks: string[] = [];
  if (pages > 1) remarks.push(`remark.first-of-many: first of ${pages} pages`);
  return {
    width,
    height,
    bitDepth: bitsOf(metadata.depth),
    frames: pages,
    views: await makeViewsForgiving(bytes, format, limits, remarks),
    rendering: null,
    dicom: null,
    exif: readExif(metadata.exif),
    remarks,
  };
}

/** Cameras write oddities that cost no pixel; those become remarks. Whatever costs pixels is a failure. */
async function makeViewsForgiving(
  bytes: Buffer,
  format: ImageFormat,
  limits: ImportLimits,
  remarks: string[],
): Promise<Views> {
  try {
    return await makeViews({ kind: 'encoded', bytes }, limits.pixels, 'warning');
  } catch (error) {
    const message = error instanceof Error ? error.message : '';
    const harmless =
      /extraneous bytes|unknown (?:tag|field|app|adobe)|incompatible type|iccp|icc profile|exif/i;
    if (!harmless.test(message)) throw explainDecoderError(error, bytes, format, limits);
  }
  try {
    const views = await makeViews({ kind: 'encoded', bytes }, limits.pixels, 'error');
    remarks.push('remark.decoder-warning: the file has oddities that cost no pixels');
    return views;
  } catch (error) {
    throw explainDecoderError(error, bytes, format, limits);
  }
}

/** What the header of a PNG claims, width × height; 0 for other formats. The decoder reports the missing rest first. */
function pixelsOfPng(bytes: Buffer): number {
  if (bytes.length < 24 || bytes.toString('latin1', 12, 16) !== 'IHDR') return 0;
  return bytes.readUInt32BE(16) * bytes.readUInt32BE(20);
}

function explainDecoderError(
  error: unknown,
  bytes: Buffer,
  format: ImageFormat,
  limits: ImportLimits,
): unknown {
  if (!(error instanceof Error)) return error;
  const { message } = error;
  if (/exceeds pixel limit/i.test(message) || pixelsOfPng(bytes) > limits.pixels) {
    return new ImportFailure(
      'image.too-many-pixels',
      `The picture has more than ${limits.pixels} pixels.`,
      error,
    );
  }
  // The decoder's text cannot decide alone: it is shared by all threads, and names damage and a missing end alike.
  const short = /premature end|truncated|end of (?:file|stream|image)|not enough data|EOF/i.test(message);
  if (!(hasItsEnd(bytes, format) ?? !short)) {
    return new ImportFailure('image.truncated', 'The file ends before the picture does.', error);
  }
  if (/unsupported image format/i.test(message)) {
    return new ImportFailure('image.unreadable', 'No decoder reads this variant of the format.', error);
  }
  return new ImportFailure('image.corrupt', 'The picture is damaged and cannot be decoded whole.', error);
}

/** Whether the last part of the file is there, so that a failure lies before it; null where the format has no end mark. */
function hasItsEnd(bytes: Buffer, format: ImageFormat): boolean | null {
  if (format === 'png') return bytes.subarray(-64).includes('IEND');
  if (format === 'jpeg') return bytes.subarray(-1024).includes(Buffer.from([0xff, 0xd9]));
  if (format === 'webp') return bytes.readUInt32LE(4) + 8 <= bytes.byteLength;
  return null;
}

function bitsOf(depth: Metadata['depth']): number {
  switch (depth) {
    case 'ushort':
    case 'short':
      return 16;
    case 'uint':
    case 'int':
    case 'float':
      return 32;
    case 'double':
      return 64;
    default:
      return 8;
  }
}
