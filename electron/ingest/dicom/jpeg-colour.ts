/**
 * Whether a colour JPEG inside DICOM is to be converted from YCbCr.
 *
 * A JFIF or Adobe marker says so itself. Without one, the photometric interpretation is believed, unless it says RGB and
 * the chroma is subsampled, which RGB never is: such files exist, and their label is wrong.
 */
export function needsColourTransform(stream: Uint8Array, photometric: string): boolean {
  const { marked, subsampled } = inspectJpeg(stream);
  return marked || subsampled || photometric !== 'RGB';
}

function inspectJpeg(stream: Uint8Array): { marked: boolean; subsampled: boolean } {
  const view = new DataView(stream.buffer, stream.byteOffset, stream.byteLength);
  let marked = false;
  for (let offset = 2; offset + 4 <= stream.byteLength;) {
    if (stream[offset] !== 0xff) break;
    const marker = stream[offset + 1]!;
    const length = view.getUint16(offset + 2);
    if (marker === 0xff) {
      offset++;
      continue;
    }
    const text = Buffer.from(stream.subarray(offset + 4, offset + 9)).toString('latin1');
    if ((marker === 0xe0 && text.startsWith('JFIF')) || (marker === 0xee && text === 'Adobe')) marked = true;
    const isFrame = marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker);
    if (isFrame) {
      const factors = [0, 1, 2].map((component) => stream[offset + 11 + component * 3]);
      return { marked, subsampled: factors[0] !== factors[1] || factors[1] !== factors[2] };
    }
    if (marker === 0xda) break;
    offset += 2 + length;
  }
  return { marked, subsampled: false };
}
