/**
 * A float32 array as NumPy's `.npy`, version 1.0, C order, little-endian.
 *
 * @param values row-major, as many as the product of `shape`
 */
export function toNpy(values: Float32Array, shape: readonly number[]): Uint8Array {
  const size = shape.reduce((product, side) => product * side, 1);
  if (size !== values.length)
    throw new RangeError(`${values.length} values are not of shape [${shape.join(', ')}]`);
  const tuple = `(${shape.join(', ')}${shape.length === 1 ? ',' : ''})`;
  const dictionary = `{'descr': '<f4', 'fortran_order': False, 'shape': ${tuple}, }`;
  const prefix = 10;
  // The whole header, with its line feed, fills a multiple of 64 bytes.
  const headerLength = Math.ceil((prefix + dictionary.length + 1) / 64) * 64 - prefix;
  const bytes = new Uint8Array(prefix + headerLength + 4 * values.length);
  bytes.set([0x93, ...Buffer.from('NUMPY'), 1, 0, headerLength & 0xff, headerLength >> 8]);
  bytes.set(Buffer.from(`${dictionary.padEnd(headerLength - 1)}\n`), prefix);
  putFloats(bytes, prefix + headerLength, values);
  return bytes;
}

/**
 * One float32 tensor as safetensors, with text metadata, as `safetensors.torch.load_file` reads it.
 *
 * @see https://github.com/huggingface/safetensors, "Format"
 */
export function toSafetensors(
  name: string,
  values: Float32Array,
  shape: readonly number[],
  metadata: Readonly<Record<string, string>>,
): Uint8Array {
  const header = JSON.stringify({
    __metadata__: metadata,
    [name]: { dtype: 'F32', shape, data_offsets: [0, 4 * values.length] },
  });
  const text = Buffer.from(header.padEnd(header.length + ((8 - (Buffer.byteLength(header) % 8)) % 8)));
  const bytes = new Uint8Array(8 + text.length + 4 * values.length);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(text.length), true);
  bytes.set(text, 8);
  putFloats(bytes, 8 + text.length, values);
  return bytes;
}

function putFloats(bytes: Uint8Array, offset: number, values: Float32Array): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  values.forEach((value, index) => view.setFloat32(offset + 4 * index, value, true));
}
