import { ImportFailure } from '../import-failure.ts';
import type { DicomValues } from './values.ts';

/** How the stored values of one frame are laid out. */
export interface PixelFormat {
  readonly width: number;
  readonly height: number;
  readonly samples: 1 | 3;
  readonly bitsAllocated: 1 | 8 | 16 | 32;
  readonly bitsStored: number;
  readonly highBit: number;
  readonly signed: boolean;
  /** Colour planes one after another instead of pixel by pixel. */
  readonly planar: boolean;
  readonly photometric: string;
  readonly frames: number;
}

const photometrics: Readonly<Record<string, 1 | 3>> = {
  MONOCHROME1: 1,
  MONOCHROME2: 1,
  'PALETTE COLOR': 1,
  RGB: 3,
  YBR_FULL: 3,
  YBR_FULL_422: 3,
  YBR_ICT: 3,
  YBR_RCT: 3,
};

/**
 * @param maxPixels of one frame
 * @throws ImportFailure dicom.no-pixels, dicom.photometric, dicom.pixel-format, dicom.too-many-pixels
 */
export function readPixelFormat(values: DicomValues, maxPixels: number): PixelFormat {
  if (values.has(0x7fe00008) || values.has(0x7fe00009)) {
    throw new ImportFailure(
      'dicom.pixel-format',
      'The DICOM file holds floating-point values, not a picture.',
    );
  }
  if (!values.has(0x7fe00010)) {
    throw new ImportFailure(
      'dicom.no-pixels',
      'The DICOM file holds no picture; it may be a report, a plan or an index.',
    );
  }
  const photometric = values.ascii(0x00280004);
  const samples = Object.hasOwn(photometrics, photometric) ? photometrics[photometric]! : null;
  if (samples === null) {
    throw new ImportFailure(
      'dicom.photometric',
      `The colour model ${/^[A-Z0-9_ ]{1,16}$/.test(photometric) ? photometric : '(none)'} is not supported.`,
    );
  }
  const height = values.uint16(0x00280010) ?? 0;
  const width = values.uint16(0x00280011) ?? 0;
  const bitsAllocated = values.uint16(0x00280100) ?? 0;
  const bitsStored = values.uint16(0x00280101) ?? bitsAllocated;
  const declaredSamples = values.uint16(0x00280002) ?? samples;
  const known = bitsAllocated === 1 || bitsAllocated === 8 || bitsAllocated === 16 || bitsAllocated === 32;
  if (width === 0 || height === 0 || !known || bitsStored > bitsAllocated || declaredSamples !== samples) {
    throw new ImportFailure(
      'dicom.pixel-format',
      `A picture of ${width} × ${height} with ${declaredSamples} × ${bitsStored} of ${bitsAllocated} bits cannot be shown.`,
    );
  }
  if (width * height > maxPixels) {
    throw new ImportFailure(
      'dicom.too-many-pixels',
      `The picture has ${width} × ${height} pixels; at most ${maxPixels} are taken in.`,
    );
  }
  return {
    width,
    height,
    samples,
    bitsAllocated,
    bitsStored: bitsStored === 0 ? bitsAllocated : bitsStored,
    highBit: values.uint16(0x00280102) ?? bitsStored - 1,
    signed: values.uint16(0x00280103) === 1,
    planar: samples === 3 && values.uint16(0x00280006) === 1,
    photometric,
    frames: readFrames(values),
  };
}

/** Number of Frames, an integer string; absent or 0 means one. */
function readFrames(values: DicomValues): number {
  const text = values.ascii(0x00280008);
  if (text === '') return 1;
  const frames = /^\+?\d{1,10}$/.test(text) ? Number(text) : Number.NaN;
  // The largest value that an integer string may have (PS3.5, table 6.2-1).
  if (frames <= 0x7fffffff) return Math.max(1, frames);
  throw new ImportFailure('dicom.pixel-format', 'The number of frames is not a whole number from 1 on.');
}
