import { bytesPerElement, type SafetensorsDtype } from '../weights/safetensors.ts';

/** Largest number that float16 holds. */
const largestFloat16 = 65_504;

/**
 * Widens a chunk of a weights file to float32.
 *
 * @param bytes little-endian elements, aligned to their size
 * @param output float32, as many elements or more
 * @returns the part of the output that was filled; of float32 elements, the bytes themselves
 */
export function widenChunk(bytes: Uint8Array, dtype: SafetensorsDtype, output: Float32Array): Float32Array {
  const length = bytes.byteLength / bytesPerElement[dtype];
  const { buffer, byteOffset } = bytes;
  const values = output.subarray(0, length);
  switch (dtype) {
    case 'F32':
      return new Float32Array(buffer as ArrayBuffer, byteOffset, length);
    case 'F16':
      values.set(new Float16Array(buffer as ArrayBuffer, byteOffset, length));
      return values;
    case 'BF16': {
      const halves = new Uint16Array(buffer as ArrayBuffer, byteOffset, length);
      const words = new Uint32Array(values.buffer, values.byteOffset, length);
      for (let index = 0; index < length; index++) words[index] = halves[index]! << 16;
      return values;
    }
    default:
      throw new TypeError(`${dtype} is no weight dtype`);
  }
}

/**
 * Narrows to float16, to the nearest.
 *
 * @param output float16, as many elements or more
 * @throws RangeError when a value is beyond float16
 */
export function narrowToFloat16(
  values: Float32Array,
  output: Float16Array,
): { halves: Float16Array; squaredError: number } {
  const halves = output.subarray(0, values.length);
  halves.set(values);
  let squaredError = 0;
  for (let index = 0; index < values.length; index++) {
    const value = values[index]!;
    if (!(Math.abs(value) <= largestFloat16)) throw new RangeError(`${value} is beyond float16`);
    squaredError += (value - halves[index]!) ** 2;
  }
  return { halves, squaredError };
}

export function sumOfSquares(values: Float32Array): number {
  let sum = 0;
  for (let index = 0; index < values.length; index++) sum += values[index]! * values[index]!;
  return sum;
}
