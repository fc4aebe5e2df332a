import { ImportFailure } from '../import-failure.ts';
import type { PixelFormat } from './pixel-format.ts';
import type { DicomValues } from './values.ts';

const pixelDataTag = 0x7fe00010;

/**
 * The bytes of the first frame when pixel data are not encapsulated.
 *
 * @throws ImportFailure dicom.truncated
 */
export function nativeFrame(values: DicomValues, format: PixelFormat): Uint8Array {
  const { width, height, samples, bitsAllocated, photometric } = format;
  const bytes = values.bytes(pixelDataTag) ?? new Uint8Array();
  // Two pixels share their chroma: Y1 Y2 Cb Cr.
  const perPixel = photometric === 'YBR_FULL_422' ? 2 : samples;
  const expected = Math.ceil((width * height * perPixel * bitsAllocated) / 8);
  if (bytes.byteLength < expected) {
    throw new ImportFailure(
      'dicom.truncated',
      `The first frame needs ${expected} bytes, but the file has ${bytes.byteLength}.`,
    );
  }
  // An odd length is padded to whole words.
  return bytes.subarray(0, expected + (expected % 2));
}

/**
 * The compressed bytes of the first frame.
 *
 * One frame may be cut into several fragments. With several frames, the offset table says where the second begins;
 * without a table, each frame is one fragment where the numbers match.
 *
 * @throws ImportFailure dicom.truncated, dicom.damaged
 */
export function encapsulatedFrame(values: DicomValues, format: PixelFormat): Uint8Array {
  const [table, ...fragments] = values.fragments(pixelDataTag) ?? [];
  if (table === undefined || fragments.length === 0) {
    throw new ImportFailure('dicom.truncated', 'The compressed picture has no fragments.');
  }
  const own = format.frames === 1 ? fragments : fragmentsOfFirst(table, fragments, format.frames);
  return own.length === 1 ? own[0]! : Buffer.concat(own);
}

function fragmentsOfFirst(
  table: Uint8Array,
  fragments: readonly Uint8Array[],
  frames: number,
): readonly Uint8Array[] {
  if (table.byteLength >= 8) {
    const second = new DataView(table.buffer, table.byteOffset, table.byteLength).getUint32(4, true);
    let offset = 0;
    const count = fragments.findIndex((fragment) => {
      const reached = offset >= second;
      offset += 8 + fragment.byteLength;
      return reached;
    });
    return count > 0 ? fragments.slice(0, count) : fragments;
  }
  if (fragments.length === frames) return fragments.slice(0, 1);
  // JPEG and JPEG 2000 code streams end with a marker; RLE has one fragment per frame.
  const last = fragments.findIndex((fragment) => endsWithMarker(fragment));
  return last < 0 ? fragments.slice(0, 1) : fragments.slice(0, last + 1);
}

function endsWithMarker(fragment: Uint8Array): boolean {
  const tail = fragment.subarray(-3);
  for (let i = 0; i + 1 < tail.length; i++) {
    if (tail[i] === 0xff && tail[i + 1] === 0xd9) return true;
  }
  return false;
}
