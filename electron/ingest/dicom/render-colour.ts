import { ImportFailure } from '../import-failure.ts';
import type { DecodedFrame } from './decode-frame.ts';
import { readStoredValues } from './stored-values.ts';
import type { DicomValues } from './values.ts';

/** @returns [R, G, B] of every pixel, 8 bits each */
export function colourToRgb(frame: DecodedFrame): Uint8Array {
  const { format } = frame;
  const { photometric, bitsAllocated } = format;
  // Four bytes for two pixels, unless a codec has already spread the chroma over both.
  if (photometric === 'YBR_FULL_422' && frame.bytes.byteLength < format.width * format.height * 3) {
    return ybrToRgb(expand422(frame));
  }
  const count = format.width * format.height * 3;
  const samples = bitsAllocated === 8 ? frame.bytes.subarray(0, count) : reduceTo8(frame);
  const interleaved = format.planar ? interleave(samples) : Uint8Array.from(samples);
  return photometric === 'YBR_FULL' || photometric === 'YBR_FULL_422' ? ybrToRgb(interleaved) : interleaved;
}

function reduceTo8(frame: DecodedFrame): Uint8Array {
  const { bitsAllocated, bitsStored } = frame.format;
  // 32-bit values have lost their lowest bit when read.
  const maximum = 2 ** (bitsAllocated === 32 ? 31 : bitsStored) - 1;
  return Uint8Array.from(readStoredValues(frame), (value) => Math.round((value / maximum) * 255));
}

function interleave(planes: Uint8Array): Uint8Array {
  const count = planes.length / 3;
  const pixels = new Uint8Array(planes.length);
  for (let i = 0; i < count; i++) {
    pixels[i * 3] = planes[i]!;
    pixels[i * 3 + 1] = planes[count + i]!;
    pixels[i * 3 + 2] = planes[2 * count + i]!;
  }
  return pixels;
}

function expand422({ format, bytes }: DecodedFrame): Uint8Array {
  const count = format.width * format.height;
  const pixels = new Uint8Array(count * 3);
  for (let i = 0; i < count; i++) {
    const pair = (i >> 1) * 4;
    pixels[i * 3] = bytes[pair + (i & 1)]!;
    pixels[i * 3 + 1] = bytes[pair + 2]!;
    pixels[i * 3 + 2] = bytes[pair + 3]!;
  }
  return pixels;
}

/** Full-range BT.601, as PS3.3 C.7.6.3.1.2 defines YBR_FULL; in place. */
function ybrToRgb(pixels: Uint8Array): Uint8Array {
  for (let i = 0; i + 2 < pixels.length; i += 3) {
    const y = pixels[i]!;
    const cb = pixels[i + 1]! - 128;
    const cr = pixels[i + 2]! - 128;
    pixels[i] = clamp(y + 1.402 * cr);
    pixels[i + 1] = clamp(y - 0.344136 * cb - 0.714136 * cr);
    pixels[i + 2] = clamp(y + 1.772 * cb);
  }
  return pixels;
}

/** @throws ImportFailure dicom.pixel-format when the palette is missing or too short */
export function paletteToRgb(frame: DecodedFrame, values: DicomValues): Uint8Array {
  const stored = readStoredValues(frame);
  const tables = [0, 1, 2].map((channel) => readPalette(values, 0x00281101 + channel, 0x00281201 + channel));
  const pixels = new Uint8Array(stored.length * 3);
  for (let i = 0; i < stored.length; i++) {
    for (let channel = 0; channel < 3; channel++) {
      const { first, entries } = tables[channel]!;
      const index = Math.min(entries.length - 1, Math.max(0, stored[i]! - first));
      pixels[i * 3 + channel] = entries[index]!;
    }
  }
  return pixels;
}

function readPalette(values: DicomValues, descriptorTag: number, dataTag: number) {
  const [length, first, bits] = values.uint16s(descriptorTag);
  const count = length === 0 ? 65_536 : length;
  const bytes = values.bytes(dataTag);
  if (count === undefined || first === undefined || bits === undefined || bytes === null) {
    throw new ImportFailure('dicom.pixel-format', 'The palette of a palette picture is missing.');
  }
  if (bytes.byteLength >= count * 2) {
    const words = values.uint16s(dataTag).slice(0, count);
    // Some writers put 8-bit entries into words.
    const scale = bits === 16 && words.some((word) => word > 255) ? 257 : 1;
    return { first, entries: Uint8Array.from(words, (word) => (scale === 257 ? word >> 8 : word)) };
  }
  if (bytes.byteLength >= count) return { first, entries: bytes.slice(0, count) };
  throw new ImportFailure('dicom.pixel-format', 'The palette of a palette picture is too short.');
}

function clamp(value: number): number {
  return Math.min(255, Math.max(0, Math.round(value)));
}
