import { endianness } from 'node:os';

/** The element types that are stored, named as NumPy names them. */
const constructors = {
  float32: Float32Array,
  float64: Float64Array,
  int32: Int32Array,
  uint8: Uint8Array,
  uint16: Uint16Array,
  uint32: Uint32Array,
} as const;

export type StoredDtype = keyof typeof constructors;
export type StoredArray = InstanceType<(typeof constructors)[StoredDtype]>;

/** Which stored element type an array has; undefined for anything else. */
export function dtypeOf(value: unknown): StoredDtype | undefined {
  return (Object.keys(constructors) as StoredDtype[]).find((dtype) => value instanceof constructors[dtype]);
}

/** The array's bytes, little-endian on every machine. */
export function toLittleEndian(array: StoredArray): Buffer {
  const bytes = Buffer.from(array.buffer, array.byteOffset, array.byteLength);
  return endianness() === 'LE' ? bytes : swap(Buffer.from(bytes), array.BYTES_PER_ELEMENT);
}

/**
 * The inverse of {@link toLittleEndian}; the result owns its memory.
 *
 * @throws RangeError when the dtype is unknown or the bytes are not a whole number of elements
 */
export function fromLittleEndian(bytes: Uint8Array, dtype: string): StoredArray {
  const construct = Object.hasOwn(constructors, dtype) ? constructors[dtype as StoredDtype] : undefined;
  if (construct === undefined) throw new RangeError(`unknown element type ${dtype}`);
  const owned = Buffer.alloc(bytes.byteLength, bytes);
  if (endianness() === 'BE') swap(owned, construct.BYTES_PER_ELEMENT);
  return new construct(owned.buffer, owned.byteOffset, owned.byteLength / construct.BYTES_PER_ELEMENT);
}

/** Bytes of an element; 1 for an unknown type, which {@link fromLittleEndian} refuses. */
export function bytesOf(dtype: string): number {
  return Object.hasOwn(constructors, dtype) ? constructors[dtype as StoredDtype].BYTES_PER_ELEMENT : 1;
}

/** The first bytes of all elements, then the second ones, and so on. */
export function shuffle(bytes: Uint8Array, width: number): Buffer {
  const count = bytes.byteLength / width;
  const shuffled = Buffer.allocUnsafe(bytes.byteLength);
  for (let at = 0; at < count; at++)
    for (let byte = 0; byte < width; byte++) shuffled[byte * count + at] = bytes[at * width + byte]!;
  return shuffled;
}

/** The inverse of {@link shuffle}. */
export function unshuffle(shuffled: Uint8Array, width: number): Buffer {
  const count = shuffled.byteLength / width;
  const bytes = Buffer.allocUnsafe(shuffled.byteLength);
  for (let at = 0; at < count; at++)
    for (let byte = 0; byte < width; byte++) bytes[at * width + byte] = shuffled[byte * count + at]!;
  return bytes;
}

function swap(bytes: Buffer, width: number): Buffer {
  if (width === 2) return bytes.swap16();
  if (width === 4) return bytes.swap32();
  return width === 8 ? bytes.swap64() : bytes;
}
