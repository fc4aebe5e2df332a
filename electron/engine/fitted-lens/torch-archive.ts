import { open } from 'node:fs/promises';
import { openPromise, type Entry, type ZipFile } from 'yauzl';
import { bytesPerElement } from '../weights/safetensors.ts';
import { widen } from '../weights/tensor-reader.ts';
import { readPickle, type PickleValue } from './pickle.ts';

/** A tensor of the archive, before its numbers are read. */
export interface TorchTensor {
  readonly storage: { readonly key: string; readonly dtype: 'F16' | 'BF16' | 'F32' };
  /** Elements before its first one. */
  readonly offset: number;
  readonly shape: readonly number[];
  readonly stride: readonly number[];
}

export type TorchValue = PickleValue<TorchTensor>;

export interface TorchArchive {
  readonly value: TorchValue;
  /** float32, row-major. @throws RangeError when the numbers are not there, or not finite */
  read(tensor: TorchTensor): Promise<Float32Array>;
  close(): void;
}

/** A description that is longer holds no lens. */
const mostPickleBytes = 16 * 1024 * 1024;

const dtypes: Readonly<Record<string, TorchTensor['storage']['dtype']>> = {
  'torch HalfStorage': 'F16',
  'torch BFloat16Storage': 'BF16',
  'torch FloatStorage': 'F32',
};

/** Whether a file begins as a zip archive does, which is what torch.save writes. */
export async function isTorchArchive(file: string): Promise<boolean> {
  const handle = await open(file, 'r');
  try {
    const { bytesRead, buffer } = await handle.read(Buffer.alloc(4), 0, 4, 0);
    return bytesRead === 4 && buffer.toString('latin1') === 'PK\x03\x04';
  } finally {
    await handle.close();
  }
}

/**
 * Opens what torch.save wrote: numbers, texts, lists, dictionaries and dense tensors of floats. Nothing of the file is run; whatever
 * else its description asks for is refused.
 *
 * @throws Error or RangeError for another file
 * @see https://github.com/pytorch/pytorch/blob/main/torch/serialization.py
 */
export async function openTorchArchive(file: string): Promise<TorchArchive> {
  const zip = await openPromise(file, { autoClose: false });
  try {
    const entries = new Map<string, Entry>();
    for await (const entry of zip.eachEntry()) entries.set(entry.fileName.replace(/^[^/]*\//, ''), entry);
    const description = entries.get('data.pkl');
    if (description === undefined) throw new RangeError('a zip archive that torch.save did not write');
    if (description.uncompressedSize > mostPickleBytes)
      throw new RangeError(`a description of ${description.uncompressedSize} bytes`);
    const byteOrder = entries.get('byteorder');
    if (byteOrder !== undefined && (await readEntry(zip, byteOrder, 16)).toString() !== 'little')
      throw new RangeError('numbers that are not little-endian');
    const value = readPickle<TorchTensor>(await readEntry(zip, description, mostPickleBytes), {
      refer: readStorage,
      call: rebuild,
    });
    return {
      value,
      read: (tensor) => readTensor(zip, entries, tensor),
      close: () => zip.close(),
    };
  } catch (error) {
    zip.close();
    throw error;
  }
}

/** ('storage', class, key, device, number of elements) */
function readStorage(id: unknown): TorchTensor['storage'] {
  const [what, kind, key] = Array.isArray(id) ? (id as unknown[]) : [];
  const dtype =
    typeof kind === 'object' && kind !== null && 'name' in kind ? dtypes[String(kind.name)] : undefined;
  if (what !== 'storage' || typeof key !== 'string' || dtype === undefined)
    throw new RangeError('numbers that are neither float16, bfloat16 nor float32');
  return { key, dtype };
}

/** The few calls that a dictionary of tensors needs. */
function rebuild(name: string, args: readonly unknown[]): TorchTensor | null {
  // Hooks of a tensor, always empty in a file.
  if (name === 'collections OrderedDict' && args.length === 0) return null;
  if (name !== 'torch._utils _rebuild_tensor_v2') throw new RangeError(`a call of "${name}"`);
  const [storage, offset, shape, stride] = args as [TorchTensor['storage'], number, number[], number[]];
  const isSides = (sides: unknown) =>
    Array.isArray(sides) && sides.every((side) => Number.isSafeInteger(side) && Number(side) >= 0);
  if (!isSides([offset]) || !isSides(shape) || !isSides(stride) || shape.length !== stride.length)
    throw new RangeError('a tensor without a shape');
  if (typeof storage !== 'object' || !('dtype' in storage)) throw new RangeError('a tensor without numbers');
  return { storage, offset, shape, stride };
}

async function readTensor(
  zip: ZipFile,
  entries: ReadonlyMap<string, Entry>,
  { storage: { key, dtype }, offset, shape, stride }: TorchTensor,
): Promise<Float32Array> {
  const [numRows = 1, numColumns = 1] = shape;
  const [rowStride = 0, columnStride = 0] = stride;
  const last = offset + (numRows - 1) * rowStride + (numColumns - 1) * columnStride;
  const entry = entries.get(`data/${key}`);
  const size = bytesPerElement[dtype];
  if (shape.length !== 2 || entry === undefined || (last + 1) * size > entry.uncompressedSize)
    throw new RangeError(`numbers of tensor ${key} are missing`);
  const bytes = await readEntry(zip, entry, entry.uncompressedSize);
  const stored = new Float32Array(Math.floor(bytes.length / size));
  widen(bytes, { dtype, name: key }, stored);
  const values = new Float32Array(numRows * numColumns);
  for (let row = 0; row < numRows; row++)
    for (let column = 0; column < numColumns; column++)
      values[row * numColumns + column] = stored[offset + row * rowStride + column * columnStride]!;
  if (!values.every(Number.isFinite)) throw new RangeError(`numbers of tensor ${key} that are not finite`);
  return values;
}

async function readEntry(zip: ZipFile, entry: Entry, most: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of (await zip.openReadStreamPromise(entry)) as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > most) throw new RangeError(`more than ${most} bytes in "${entry.fileName}"`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, length);
}
