/**
 * The few header fields that are read directly, because sharp reports no more than "corrupt" or "unsupported" of a
 * file whose remainder is missing.
 */

const jpegStart = 0xffd8;
const jpegScan = 0xda;

/** [width, height] in pixels as a PNG's first chunk announces them; null when the file is no PNG. */
export function readPngSize(bytes: Buffer): [number, number] | null {
  const isPng = bytes.length >= 24 && bytes.toString('latin1', 0, 8) === '\x89PNG\r\n\x1a\n';
  if (!isPng || bytes.toString('latin1', 12, 16) !== 'IHDR') return null;
  return [bytes.readUInt32BE(16), bytes.readUInt32BE(20)];
}

/**
 * Whether a TIFF's first directory, or the end that a WebP announces, is beyond the end of the file, or a JPEG's
 * compressed data has no end mark: a decoder notices that only when it happens to need another bit.
 */
export function endsEarly(bytes: Buffer): boolean {
  if (bytes.length < 12) return false;
  const magic = bytes.toString('latin1', 0, 4);
  if (magic === 'II*\0') return bytes.readUInt32LE(4) >= bytes.length;
  if (magic === 'MM\0*') return bytes.readUInt32BE(4) >= bytes.length;
  if (bytes.readUInt16BE(0) === jpegStart) return !jpegHasEnd(bytes);
  const isWebp = magic === 'RIFF' && bytes.toString('latin1', 8, 12) === 'WEBP';
  return isWebp && bytes.readUInt32LE(4) + 8 > bytes.length;
}

/** Whether an end mark follows the first scan; thumbnails have their own end marks, in segments before it. */
function jpegHasEnd(bytes: Buffer): boolean {
  let at = 2;
  while (at + 4 <= bytes.length) {
    if (bytes[at] !== 0xff) return bytes.includes('\xff\xd9', at, 'latin1');
    if (bytes[at + 1] === 0xff) at += 1;
    else if (bytes[at + 1] === jpegScan) return bytes.includes('\xff\xd9', at, 'latin1');
    else at += 2 + bytes.readUInt16BE(at + 2);
  }
  return false;
}
