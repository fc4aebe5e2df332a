import type { ImageFormat } from '../../contract/image-query.ts';
import { hasPreamble, looksLikeDicom } from '../dicom/dicom-file.ts';

export type SniffedFormat =
  | { readonly kind: 'image'; readonly format: ImageFormat }
  | { readonly kind: 'zip' }
  /** A known kind of file that is not taken in. */
  | { readonly kind: 'other'; readonly name: string }
  | { readonly kind: 'unknown' };

const others: readonly (readonly [string, string])[] = [
  ['474946383', 'GIF picture'],
  ['25504446', 'PDF document'],
  ['1f8b', 'gzip archive'],
  ['377abcaf271c', '7-Zip archive'],
  ['526172211a07', 'RAR archive'],
  ['38425053', 'Photoshop picture'],
  ['0000000c6a502020', 'JPEG 2000 picture'],
  ['ff4fff51', 'JPEG 2000 picture'],
  ['d0cf11e0', 'Office document'],
  ['4d5a', 'program'],
  ['7f454c46', 'program'],
  ['53514c69746520666f726d6174', 'SQLite database'],
  ['2143', 'script'],
];

/** Tells a file's format from its first bytes; its name is not believed. */
export function sniffFormat(bytes: Uint8Array): SniffedFormat {
  const hex = Buffer.from(bytes.subarray(0, 16)).toString('hex');
  const image = (format: ImageFormat): SniffedFormat => ({ kind: 'image', format });
  // First, because the 128 bytes before the mark are free, and some writers make them look like a TIFF.
  if (hasPreamble(bytes)) return image('dicom');
  if (hex.startsWith('ffd8ff')) return image('jpeg');
  if (hex.startsWith('89504e470d0a1a0a')) return image('png');
  if (/^(?:49492a00|4d4d002a|49492b00|4d4d002b)/.test(hex)) return image('tiff');
  if (hex.startsWith('52494646') && hex.slice(16, 24) === '57454250') return image('webp');
  if (hex.startsWith('424d') && bytes.byteLength >= 26) return image('bmp');
  if (hex.startsWith('504b0304') || hex.startsWith('504b0506')) return { kind: 'zip' };
  const brand = boxBrand(bytes);
  if (brand !== null) {
    if (/^(?:hei[cmsx]|hev[cmsx]|mif1|msf1)$/.test(brand)) return image('heic');
    return { kind: 'other', name: brand === 'avif' ? 'AVIF picture' : 'video' };
  }
  if (looksLikeDicom(bytes)) return image('dicom');
  const other = others.find(([magic]) => hex.startsWith(magic));
  if (other !== undefined) return { kind: 'other', name: other[1] };
  const start = Buffer.from(bytes.subarray(0, 512)).toString('latin1').trimStart().toLowerCase();
  if (/^(?:<\?xml[^>]*>\s*)?(?:<!--.*?-->\s*)?<svg/s.test(start))
    return { kind: 'other', name: 'SVG drawing' };
  if (start.startsWith('<')) return { kind: 'other', name: 'web page or XML document' };
  return isText(bytes.subarray(0, 512)) ? { kind: 'other', name: 'text' } : { kind: 'unknown' };
}

function boxBrand(bytes: Uint8Array): string | null {
  const text = Buffer.from(bytes.subarray(4, 12)).toString('latin1');
  return text.startsWith('ftyp') ? text.slice(4) : null;
}

function isText(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte >= 0x20 || byte === 0x09 || byte === 0x0a || byte === 0x0d);
}
