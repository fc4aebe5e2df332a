import dicomCodecs from 'dcmjs-codecs';
import type { Context as CodecContext } from 'dcmjs-codecs';
import { ImportFailure } from '../import-failure.ts';
import { transferSyntaxes } from './dicom-file.ts';
import type { DicomFile } from './dicom-file.ts';
import { encapsulatedFrame, nativeFrame } from './frame.ts';
import { needsColourTransform } from './jpeg-colour.ts';
import type { PixelFormat } from './pixel-format.ts';
import { decodeRle } from './rle.ts';
import type { DicomValues } from './values.ts';

/** One frame with plain samples in the byte order of this format's 16-bit values: little-endian. */
export interface DecodedFrame {
  readonly format: PixelFormat;
  readonly bytes: Uint8Array;
}

const { Context, NativeCodecs } = dicomCodecs;

type Codec = (context: CodecContext) => CodecContext;

const decodeJpeg: Codec = (context) =>
  NativeCodecs.decodeJpeg(context, {
    convertColorspaceToRgb: needsColourTransform(
      context.getEncodedBuffer()!,
      context.getPhotometricInterpretation()!,
    ),
  });

const rleSyntax = '1.2.840.10008.1.2.5';

const codecs: Readonly<Record<string, Codec>> = {
  '1.2.840.10008.1.2.4.50': decodeJpeg,
  '1.2.840.10008.1.2.4.51': decodeJpeg,
  '1.2.840.10008.1.2.4.57': decodeJpeg,
  '1.2.840.10008.1.2.4.70': decodeJpeg,
  '1.2.840.10008.1.2.4.80': (context) => NativeCodecs.decodeJpegLs(context),
  '1.2.840.10008.1.2.4.81': (context) => NativeCodecs.decodeJpegLs(context),
  '1.2.840.10008.1.2.4.90': (context) => NativeCodecs.decodeJpeg2000(context),
  '1.2.840.10008.1.2.4.91': (context) => NativeCodecs.decodeJpeg2000(context),
  '1.2.840.10008.1.2.4.110': (context) => NativeCodecs.decodeJpegXl(context),
  '1.2.840.10008.1.2.4.112': (context) => NativeCodecs.decodeJpegXl(context),
  '1.2.840.10008.1.2.4.201': (context) => NativeCodecs.decodeHtJpeg2000(context),
  '1.2.840.10008.1.2.4.202': (context) => NativeCodecs.decodeHtJpeg2000(context),
  '1.2.840.10008.1.2.4.203': (context) => NativeCodecs.decodeHtJpeg2000(context),
};

/**
 * Unpacks one frame, 0 the first.
 *
 * @throws ImportFailure dicom.transfer-syntax, dicom.codec, dicom.truncated, dicom.damaged
 */
export async function decodeFrame(
  file: DicomFile,
  values: DicomValues,
  format: PixelFormat,
  index = 0,
): Promise<DecodedFrame> {
  const { transferSyntax } = file;
  if ((Object.values(transferSyntaxes) as string[]).includes(transferSyntax)) {
    const bytes = nativeFrame(values, format, index);
    return { format, bytes: file.littleEndian ? bytes : toLittleEndian(bytes, values, format) };
  }
  if (transferSyntax === rleSyntax) return unpackRle(encapsulatedFrame(values, format, index), format);
  const codec = Object.hasOwn(codecs, transferSyntax) ? codecs[transferSyntax]! : null;
  if (codec === null) {
    throw new ImportFailure(
      'dicom.transfer-syntax',
      `The transfer syntax ${transferSyntax} is not supported.`,
    );
  }
  return runCodec(codec, encapsulatedFrame(values, format, index), format);
}

function unpackRle(encoded: Uint8Array, format: PixelFormat): DecodedFrame {
  const { width, height, samples, bitsAllocated } = format;
  const bytes = decodeRle(encoded, width * height, samples, Math.max(1, bitsAllocated / 8));
  return { bytes, format: { ...format, planar: samples === 3 } };
}

async function runCodec(codec: Codec, encoded: Uint8Array, format: PixelFormat): Promise<DecodedFrame> {
  if (!NativeCodecs.isInitialized()) await NativeCodecs.initializeAsync();
  let context: CodecContext = new Context({
    width: format.width,
    height: format.height,
    bitsAllocated: format.bitsAllocated,
    bitsStored: format.bitsStored,
    samplesPerPixel: format.samples,
    pixelRepresentation: format.signed ? 1 : 0,
    planarConfiguration: format.planar ? 1 : 0,
    photometricInterpretation: format.photometric,
    encodedBuffer: encoded,
  });
  try {
    context = codec(context);
  } catch (error) {
    throw new ImportFailure('dicom.codec', 'The compressed picture cannot be unpacked.', error);
  }
  // Copied at once: the buffer may live in the memory of the decoder.
  const bytes = Buffer.from(context.getDecodedBuffer() ?? []);
  const expected = format.width * format.height * format.samples * (format.bitsAllocated / 8);
  if (bytes.byteLength < expected) {
    throw new ImportFailure(
      'dicom.codec',
      `The unpacked picture has ${bytes.byteLength} bytes instead of ${expected}.`,
    );
  }
  return {
    bytes: bytes.subarray(0, expected),
    format: {
      ...format,
      planar: context.getPlanarConfiguration() === 1,
      photometric: context.getPhotometricInterpretation() ?? format.photometric,
    },
  };
}

/**
 * Words of 16 bits hold 8-bit samples in pairs, and 32-bit values low word first (PS3.5 8.1.1); both are swapped for OW
 * and not for OB.
 */
function toLittleEndian(bytes: Uint8Array, values: DicomValues, { bitsAllocated }: PixelFormat): Uint8Array {
  const words = bitsAllocated > 8 || values.vrOf(0x7fe00010) === 'OW';
  return words ? Buffer.from(bytes).swap16() : bytes;
}
