import type { LensTrace } from './lens-trace.ts';

/** The bytes `FLTP`, little-endian. */
const magic = 0x50544c46;
const version = 1;
/** Magic, version, header length, zero: 4 × uint32. */
const preamble = 16;
/** Every array begins at a multiple of this, so that a typed array can be laid over the bytes. */
const alignment = 8;

export const tracePayloadType = 'application/x-fundus-lens-trace';

const constructors = { float32: Float32Array, int32: Int32Array } as const;
type Dtype = keyof typeof constructors;
type PackedArray = InstanceType<(typeof constructors)[Dtype]>;

/** Stands in the header where an array was taken out; `offset` in bytes from the end of the header. */
interface PackedReference {
  readonly $array: Dtype;
  readonly offset: number;
  /** Elements. */
  readonly length: number;
}

/**
 * Packs a trace into one block: preamble, JSON header, then the arrays, little-endian and aligned.
 *
 * ```text
 * "FLTP" | version u32 | header bytes u32 | 0 u32 | header (UTF-8, padded with spaces to 8) | arrays, each padded to 8
 * ```
 */
export function packTrace(trace: LensTrace): Uint8Array<ArrayBuffer> {
  const arrays: { readonly offset: number; readonly array: PackedArray }[] = [];
  let dataLength = 0;
  const header = JSON.stringify(trace, (_key, value: unknown) => {
    const dtype = dtypeOf(value);
    if (dtype === undefined) return value;
    const array = value as PackedArray;
    const reference: PackedReference = { $array: dtype, offset: dataLength, length: array.length };
    arrays.push({ offset: dataLength, array });
    dataLength += align(array.byteLength);
    return reference;
  });
  const text = new TextEncoder().encode(header);
  const headerLength = align(text.byteLength);
  const packed = new Uint8Array(preamble + headerLength + dataLength);
  const view = new DataView(packed.buffer);
  [magic, version, headerLength, 0].forEach((word, index) => view.setUint32(4 * index, word, true));
  packed.fill(0x20, preamble, preamble + headerLength);
  packed.set(text, preamble);
  const start = preamble + headerLength;
  for (const { offset, array } of arrays) {
    if (isLittleEndian()) {
      packed.set(new Uint8Array(array.buffer, array.byteOffset, array.byteLength), start + offset);
    } else {
      const write = array instanceof Float32Array ? view.setFloat32.bind(view) : view.setInt32.bind(view);
      array.forEach((value, index) => write(start + offset + 4 * index, value, true));
    }
  }
  return packed;
}

/**
 * The inverse of {@link packTrace}. The trace's arrays are views of `buffer`, nothing is copied: keep the buffer
 * unchanged for as long as the trace is used.
 *
 * @throws RangeError when the bytes are not a whole packed trace of this version
 */
export function unpackTrace(buffer: ArrayBuffer): LensTrace {
  const view = new DataView(buffer);
  if (buffer.byteLength < preamble || view.getUint32(0, true) !== magic) {
    throw new RangeError('these bytes are not a packed trace');
  }
  const found = view.getUint32(4, true);
  if (found !== version) throw new RangeError(`packed trace of version ${found}, expected ${version}`);
  const headerLength = view.getUint32(8, true);
  const start = preamble + headerLength;
  if (start > buffer.byteLength) throw new RangeError('the packed trace is cut short');
  const header = new TextDecoder().decode(new Uint8Array(buffer, preamble, headerLength));
  return JSON.parse(header, (_key, value: unknown) => {
    if (!isReference(value)) return value;
    const { $array: dtype, offset, length } = value;
    const begin = start + offset;
    if (begin + 4 * length > buffer.byteLength) throw new RangeError('the packed trace is cut short');
    return isLittleEndian()
      ? new constructors[dtype](buffer, begin, length)
      : swapped(view, dtype, begin, length);
  }) as LensTrace;
}

function dtypeOf(value: unknown): Dtype | undefined {
  if (value instanceof Float32Array) return 'float32';
  return value instanceof Int32Array ? 'int32' : undefined;
}

function isReference(value: unknown): value is PackedReference {
  return (
    typeof value === 'object' && value !== null && '$array' in value && 'offset' in value && 'length' in value
  );
}

function swapped(view: DataView, dtype: Dtype, begin: number, length: number): PackedArray {
  const values = new constructors[dtype](length);
  const read = dtype === 'float32' ? view.getFloat32.bind(view) : view.getInt32.bind(view);
  for (let index = 0; index < length; index++) values[index] = read(begin + 4 * index, true);
  return values;
}

function isLittleEndian(): boolean {
  return new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;
}

function align(length: number): number {
  return Math.ceil(length / alignment) * alignment;
}
