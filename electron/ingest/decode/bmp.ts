import { ImportFailure } from '../import-failure.ts';

export interface BmpImage {
  readonly width: number;
  readonly height: number;
  readonly bitDepth: 8;
  /** [R, G, B] of every pixel, 8 bits each. */
  readonly pixels: Uint8Array;
}

const fileHeader = 14;

/**
 * Decodes an uncompressed BMP with 8 (palette), 24 or 32 bits a pixel; the fourth byte of 32 is not used.
 *
 * @throws ImportFailure bmp.unsupported, image.truncated, image.too-many-pixels
 */
export function decodeBmp(bytes: Uint8Array, maxPixels: number): BmpImage {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const headerSize = bytes.byteLength >= fileHeader + 40 ? view.getUint32(fileHeader, true) : 0;
  if (headerSize < 40) throw unsupported('a header of OS/2 or an incomplete one');
  const width = view.getInt32(fileHeader + 4, true);
  const signedHeight = view.getInt32(fileHeader + 8, true);
  const bits = view.getUint16(fileHeader + 14, true);
  const compression = view.getUint32(fileHeader + 16, true);
  const height = Math.abs(signedHeight);
  if (width <= 0 || height === 0) throw unsupported(`a size of ${width} × ${signedHeight}`);
  if (width * height > maxPixels) {
    throw new ImportFailure(
      'image.too-many-pixels',
      `The picture has ${width} × ${height} pixels; at most ${maxPixels} are taken in.`,
    );
  }
  if (bits !== 8 && bits !== 24 && bits !== 32) throw unsupported(`${bits} bits a pixel`);
  if (compression !== 0 && !(compression === 3 && bits === 32 && hasPlainMasks(view, headerSize))) {
    throw unsupported(`compression ${compression}`);
  }
  const stride = Math.ceil((width * bits) / 32) * 4;
  const start = view.getUint32(10, true);
  if (start + stride * height > bytes.byteLength) {
    throw new ImportFailure(
      'image.truncated',
      `The BMP needs ${start + stride * height} bytes, but the file has ${bytes.byteLength}.`,
    );
  }
  const palette = bits === 8 ? readPalette(bytes, view, headerSize) : null;
  const pixels = new Uint8Array(width * height * 3);
  for (let y = 0; y < height; y++) {
    const row = start + stride * (signedHeight > 0 ? height - 1 - y : y);
    for (let x = 0; x < width; x++) {
      const source = palette ?? bytes;
      const from = palette === null ? row + (x * bits) / 8 : bytes[row + x]! * 4;
      const to = (y * width + x) * 3;
      pixels[to] = source[from + 2]!;
      pixels[to + 1] = source[from + 1]!;
      pixels[to + 2] = source[from]!;
    }
  }
  return { width, height, bitDepth: 8, pixels };
}

/** 256 entries of blue, green, red, 0; entries that the file leaves out are black. */
function readPalette(bytes: Uint8Array, view: DataView, headerSize: number): Uint8Array {
  const palette = new Uint8Array(256 * 4);
  const declared = view.getUint32(fileHeader + 32, true);
  const count = declared === 0 ? 256 : Math.min(256, declared);
  palette.set(bytes.subarray(fileHeader + headerSize, fileHeader + headerSize + count * 4));
  return palette;
}

function hasPlainMasks(view: DataView, headerSize: number): boolean {
  const offset = fileHeader + 40;
  if (view.byteLength < offset + 12 || headerSize > 124) return false;
  const masks = [0, 4, 8].map((step) => view.getUint32(offset + step, true));
  return masks[0] === 0xff0000 && masks[1] === 0xff00 && masks[2] === 0xff;
}

function unsupported(what: string): ImportFailure {
  return new ImportFailure('bmp.unsupported', `The BMP has ${what}, which is not supported.`);
}
