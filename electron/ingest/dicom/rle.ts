import { ImportFailure } from '../import-failure.ts';

const headerBytes = 64;
const maxSegments = 15;

/**
 * Unpacks an RLE frame (PS3.5 Annex G): one segment per byte of each sample, most significant first. Runs beyond the
 * picture are cut off, because writers pad.
 *
 * @returns planes one after another, samples little-endian
 * @throws ImportFailure dicom.codec
 */
export function decodeRle(
  frame: Uint8Array,
  pixels: number,
  samples: number,
  sampleBytes: number,
): Uint8Array {
  if (frame.byteLength < headerBytes) throw broken('the header is missing');
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  const count = view.getUint32(0, true);
  if (count !== samples * sampleBytes || count > maxSegments) {
    throw broken(`there are ${count} segments instead of ${samples * sampleBytes}`);
  }
  const decoded = new Uint8Array(pixels * samples * sampleBytes);
  for (let segment = 0; segment < count; segment++) {
    const start = view.getUint32(4 + segment * 4, true);
    const end = segment + 1 < count ? view.getUint32(8 + segment * 4, true) : frame.byteLength;
    if (start < headerBytes || start > end || end > frame.byteLength) throw broken('a segment lies outside');
    const sample = Math.floor(segment / sampleBytes);
    const byte = sampleBytes - 1 - (segment % sampleBytes);
    const written = decodeSegment(frame.subarray(start, end), pixels, (index, value) => {
      decoded[(sample * pixels + index) * sampleBytes + byte] = value;
    });
    if (written < pixels) throw broken(`a segment ends after ${written} of ${pixels} values`);
  }
  return decoded;
}

/** PackBits. */
function decodeSegment(
  segment: Uint8Array,
  pixels: number,
  put: (index: number, value: number) => void,
): number {
  let written = 0;
  for (let i = 0; i < segment.length && written < pixels;) {
    const control = segment[i++]!;
    if (control < 128) {
      for (let n = 0; n <= control && i < segment.length && written < pixels; n++) {
        put(written++, segment[i++]!);
      }
    } else if (control > 128 && i < segment.length) {
      const value = segment[i++]!;
      for (let n = 0; n < 257 - control && written < pixels; n++) put(written++, value);
    }
  }
  return written;
}

function broken(what: string): ImportFailure {
  return new ImportFailure('dicom.codec', `The RLE picture cannot be unpacked: ${what}.`);
}
