/** A tensor of a safetensors file, as raw little-endian bytes. */
export interface RawTensor {
  readonly dtype: 'F32' | 'F64';
  readonly shape: readonly number[];
  readonly bytes: Uint8Array;
}

export interface TensorFile {
  readonly metadata: Readonly<Record<string, string>>;
  readonly tensors: ReadonlyMap<string, RawTensor>;
}

/** Largest header that safetensors allows. */
const headerLimit = 100_000_000;

/** The bytes of a safetensors file. */
export function encodeTensors({ metadata, tensors }: TensorFile): Uint8Array {
  let end = 0;
  const entries = [...tensors].map(([name, { dtype, shape, bytes }]) => {
    const begin = end;
    end += bytes.byteLength;
    return [name, { dtype, shape, data_offsets: [begin, end] }] as const;
  });
  const json = Buffer.from(
    JSON.stringify({ __metadata__: metadata, ...Object.fromEntries(entries) }),
    'utf8',
  );
  // Spaces, so that the data begins at a multiple of 8 bytes.
  const padded = Buffer.concat([json, Buffer.alloc((8 - (json.length % 8)) % 8, ' ')]);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(padded.length));
  return Buffer.concat([length, padded, ...[...tensors.values()].map(({ bytes }) => bytes)]);
}

/**
 * Reads what {@link encodeTensors} or another writer of safetensors wrote; tensors of other types than F32 and F64 are refused.
 *
 * @throws RangeError saying what about the bytes is wrong
 */
export function decodeTensors(bytes: Uint8Array): TensorFile {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.length < 8) throw new RangeError(`${view.length} bytes`);
  const length = Number(view.readBigUInt64LE(0));
  if (length > headerLimit || 8 + length > view.length)
    throw new RangeError(`a header of ${length} bytes in a file of ${view.length}`);
  const header = parseHeader(view.subarray(8, 8 + length).toString('utf8'));
  const data = view.subarray(8 + length);
  const metadata: Record<string, string> = {};
  const tensors = new Map<string, RawTensor>();
  for (const [name, entry] of Object.entries(header)) {
    if (name === '__metadata__') {
      for (const [key, value] of Object.entries(asRecord(entry, name))) metadata[key] = String(value);
      continue;
    }
    tensors.set(name, readEntry(name, asRecord(entry, name), data));
  }
  return { metadata, tensors };
}

function parseHeader(text: string): Record<string, unknown> {
  try {
    return asRecord(JSON.parse(text), 'the header');
  } catch (cause) {
    throw new RangeError('a header that is not JSON', { cause });
  }
}

function readEntry(name: string, entry: Record<string, unknown>, data: Uint8Array): RawTensor {
  const { dtype, shape, data_offsets: offsets } = entry;
  if (dtype !== 'F32' && dtype !== 'F64') throw new RangeError(`tensor "${name}" of type ${String(dtype)}`);
  if (!isIntegers(shape) || !isIntegers(offsets) || offsets.length !== 2)
    throw new RangeError(`tensor "${name}" without a shape or a place`);
  const [begin = 0, end = 0] = offsets;
  const size = shape.reduce((product, length) => product * length, dtype === 'F32' ? 4 : 8);
  if (end - begin !== size || end > data.length)
    throw new RangeError(`tensor "${name}" of ${size} bytes at ${begin} … ${end} of ${data.length}`);
  return { dtype, shape, bytes: data.subarray(begin, end) };
}

/** The tensor's numbers in an array of their own. */
export function readFloat64({ dtype, bytes }: RawTensor): Float64Array {
  return dtype === 'F64'
    ? new Float64Array(copyOf(bytes))
    : Float64Array.from(new Float32Array(copyOf(bytes)));
}

export function readFloat32({ dtype, bytes }: RawTensor): Float32Array {
  return dtype === 'F32'
    ? new Float32Array(copyOf(bytes))
    : Float32Array.from(new Float64Array(copyOf(bytes)));
}

export function float64Tensor(values: Float64Array, shape: readonly number[]): RawTensor {
  return { dtype: 'F64', shape, bytes: new Uint8Array(values.buffer, values.byteOffset, values.byteLength) };
}

/** A copy begins where a typed array may. */
function copyOf(bytes: Uint8Array): ArrayBuffer {
  const copy = new ArrayBuffer(bytes.byteLength);
  new Uint8Array(copy).set(bytes);
  return copy;
}

function isIntegers(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((item) => Number.isSafeInteger(item) && (item as number) >= 0);
}

function asRecord(value: unknown, name: string): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new RangeError(`${name} that is not an object`);
  return value as Record<string, unknown>;
}
