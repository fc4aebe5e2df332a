import { ImportFailure } from '../import-failure.ts';
import type { PixelFormat } from './pixel-format.ts';
import type { DicomValues } from './values.ts';

const pixelDataTag = 0x7fe00010;

/**
 * The bytes of one frame, 0 the first, when pixel data are not encapsulated.
 *
 * @throws ImportFailure dicom.truncated
 */
export function nativeFrame(values: DicomValues, format: PixelFormat, index = 0): Uint8Array {
  const { width, height, samples, bitsAllocated, photometric } = format;
  const bytes = values.bytes(pixelDataTag) ?? new Uint8Array();
  // Two pixels share their chroma: Y1 Y2 Cb Cr.
  const perPixel = photometric === 'YBR_FULL_422' ? 2 : samples;
  const bits = width * height * perPixel * bitsAllocated;
  const expected = Math.ceil(bits / 8);
  if (index > 0 && bits % 8 !== 0) {
    throw new ImportFailure(
      'dicom.pixel-format',
      'Frames that end within a byte are read as far as the first.',
    );
  }
  const start = index * expected;
  if (bytes.byteLength < start + expected) {
    throw new ImportFailure(
      'dicom.truncated',
      `Frame ${index + 1} needs ${start + expected} bytes, but the file has ${bytes.byteLength}.`,
    );
  }
  // An odd length is padded to whole words.
  return bytes.subarray(start, start + expected + (expected % 2));
}

/**
 * The compressed bytes of one frame, 0 the first.
 *
 * One frame may be cut into several fragments. With several frames, the offset table says where each begins;
 * without a table, each frame is one fragment where the numbers match.
 *
 * @throws ImportFailure dicom.truncated, dicom.damaged
 */
export function encapsulatedFrame(values: DicomValues, format: PixelFormat, index = 0): Uint8Array {
  const [table, ...fragments] = values.fragments(pixelDataTag) ?? [];
  if (table === undefined || fragments.length === 0) {
    throw new ImportFailure('dicom.truncated', 'The compressed picture has no fragments.');
  }
  const own = format.frames === 1 ? fragments : fragmentsOf(index, table, fragments, format.frames);
  if (own.length === 0) {
    throw new ImportFailure(
      'dicom.truncated',
      `The file ends before frame ${index + 1} of ${format.frames}.`,
    );
  }
  return own.length === 1 ? own[0]! : Buffer.concat(own);
}

function fragmentsOf(
  index: number,
  table: Uint8Array,
  fragments: readonly Uint8Array[],
  frames: number,
): readonly Uint8Array[] {
  if (table.byteLength >= 8) {
    const starts = new DataView(table.buffer, table.byteOffset, table.byteLength);
    const startOf = (frame: number) =>
      4 * frame + 4 <= table.byteLength ? starts.getUint32(4 * frame, true) : Infinity;
    const [from, to] = [index === 0 ? 0 : startOf(index), startOf(index + 1)];
    let offset = 0;
    const own = fragments.filter((fragment) => {
      const begins = offset;
      offset += 8 + fragment.byteLength;
      return begins >= from && begins < to;
    });
    return index === 0 && own.length === 0 ? fragments : own;
  }
  if (fragments.length === frames) return fragments.slice(index, index + 1);
  // JPEG and JPEG 2000 code streams end with a marker; RLE has one fragment per frame.
  const ends = fragments.flatMap((fragment, place) => (endsWithMarker(fragment) ? [place + 1] : []));
  if (ends.length === 0) return fragments.slice(index, index + 1);
  return fragments.slice(
    index === 0 ? 0 : (ends[index - 1] ?? fragments.length),
    ends[index] ?? fragments.length,
  );
}

function endsWithMarker(fragment: Uint8Array): boolean {
  const tail = fragment.subarray(-3);
  for (let i = 0; i + 1 < tail.length; i++) {
    if (tail[i] === 0xff && tail[i + 1] === 0xd9) return true;
  }
  return false;
}
