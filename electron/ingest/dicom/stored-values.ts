import type { DecodedFrame } from './decode-frame.ts';

/**
 * The stored values of every sample, without bits that belong to something else, sign extended.
 *
 * @returns int32 in the order of the frame's bytes; unsigned 32-bit values above 2³¹−1 are halved with all others
 */
export function readStoredValues({ format, bytes }: DecodedFrame): Int32Array {
  const { bitsAllocated, bitsStored, highBit, signed, width, height, samples } = format;
  const count = width * height * samples;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const values = new Int32Array(count);
  if (bitsAllocated === 1) {
    for (let i = 0; i < count; i++) values[i] = (bytes[i >> 3]! >> (i & 7)) & 1;
    return values;
  }
  if (bitsAllocated === 32) {
    for (let i = 0; i < count; i++) {
      values[i] = signed ? view.getInt32(i * 4, true) : view.getUint32(i * 4, true) >>> 1;
    }
    return values;
  }
  const shift = Math.max(0, highBit + 1 - bitsStored);
  const mask = 2 ** bitsStored - 1;
  const sign = 2 ** (bitsStored - 1);
  for (let i = 0; i < count; i++) {
    const raw = bitsAllocated === 8 ? bytes[i]! : view.getUint16(i * 2, true);
    const value = (raw >> shift) & mask;
    values[i] = signed && value >= sign ? value - 2 * sign : value;
  }
  return values;
}
