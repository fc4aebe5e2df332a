import { open, stat, type FileHandle } from 'node:fs/promises';
import { FundusLensError } from '../../contract/errors.ts';
import type { BlockLayout } from './block-format.ts';

/** Bytes of one element of every dtype the format knows. */
export const bytesPerElement = {
  F64: 8,
  F32: 4,
  F16: 2,
  BF16: 2,
  I64: 8,
  I32: 4,
  I16: 2,
  I8: 1,
  U8: 1,
  BOOL: 1,
} as const;
export type SafetensorsDtype = keyof typeof bytesPerElement;

/** Place of one tensor: a byte range of a file, never the bytes themselves. */
export interface TensorView {
  readonly name: string;
  readonly dtype: SafetensorsDtype;
  readonly shape: readonly number[];
  readonly file: string;
  /** Absolute offset in the file, bytes; not necessarily aligned. */
  readonly offset: number;
  readonly byteLength: number;
  /** How the bytes are to be read where they are rounded weights of a prepared model; their dtype is U8 then. */
  readonly blocks?: BlockLayout;
}

export interface SafetensorsHeader {
  /** By tensor name, in file order. */
  readonly views: Map<string, TensorView>;
  readonly metadata: Readonly<Record<string, string>>;
}

/** Headers above this are refused, as the format's own reader does. */
const maxHeaderBytes = 100_000_000;

/**
 * Reads the header of a safetensors file and checks every range in it against the file.
 *
 * @param file real path (links already resolved)
 * @returns the views by tensor name, in file order
 * @throws FundusLensError `model.weights-truncated` when the file is shorter than its header says,
 *   `model.weights-invalid` for anything else that breaks the format
 * @see https://github.com/huggingface/safetensors#format
 */
export async function readSafetensorsHeader(file: string): Promise<Map<string, TensorView>> {
  return (await readSafetensors(file)).views;
}

/** The same, with what the file says of itself; throws as {@link readSafetensorsHeader} does. */
export async function readSafetensors(file: string): Promise<SafetensorsHeader> {
  const { size } = await stat(file);
  const handle = await open(file, 'r');
  try {
    const headerBytes = await readHeaderLength(handle, file, size);
    const { buffer } = await handle.read(Buffer.alloc(headerBytes), 0, headerBytes, 8);
    return parseHeader(buffer.toString('utf8'), file, 8 + headerBytes, size);
  } finally {
    await handle.close();
  }
}

async function readHeaderLength(handle: FileHandle, file: string, size: number): Promise<number> {
  if (size < 8) throw truncated(file, 'at least 8 bytes of header length', `${size} bytes`);
  const { buffer } = await handle.read(Buffer.alloc(8), 0, 8, 0);
  const length = buffer.readBigUInt64LE(0);
  if (length > BigInt(size - 8)) {
    throw truncated(
      file,
      `a file of at least ${length + 8n} bytes, as its header length says`,
      `${size} bytes`,
    );
  }
  if (length > BigInt(maxHeaderBytes)) {
    throw invalid(file, `a header of at most ${maxHeaderBytes} bytes`, `${length} bytes`);
  }
  return Number(length);
}

function parseHeader(text: string, file: string, dataStart: number, size: number): SafetensorsHeader {
  let header: unknown;
  try {
    header = JSON.parse(text);
  } catch (cause) {
    throw invalid(file, 'a JSON header', 'text that is not JSON', cause);
  }
  if (typeof header !== 'object' || header === null || Array.isArray(header)) {
    throw invalid(file, 'a JSON object as header', typeof header);
  }
  const views = new Map<string, TensorView>();
  let metadata: SafetensorsHeader['metadata'] = {};
  for (const [name, entry] of Object.entries(header)) {
    if (name === '__metadata__') metadata = readMetadata(entry);
    else views.set(name, parseEntry(name, entry, file, dataStart, size));
  }
  checkCoverage([...views.values()], file, dataStart, size);
  return { views, metadata };
}

/** What is no text says nothing. */
function readMetadata(entry: unknown): Record<string, string> {
  return Object.fromEntries(
    Object.entries(entry ?? {}).filter((pair): pair is [string, string] => typeof pair[1] === 'string'),
  );
}

function parseEntry(name: string, entry: unknown, file: string, dataStart: number, size: number): TensorView {
  const { dtype, shape, data_offsets } = (entry ?? {}) as Record<string, unknown>;
  if (typeof dtype !== 'string' || !(dtype in bytesPerElement)) {
    throw new FundusLensError('model.tensor-dtype', `Tensor "${name}" in ${file} has an unknown dtype.`, {
      expected: Object.keys(bytesPerElement).join(', '),
      found: String(dtype),
      advice: 'Use a checkpoint saved as F32, F16 or BF16.',
    });
  }
  if (!isCountArray(shape) || !isCountArray(data_offsets) || data_offsets.length !== 2) {
    throw invalid(file, `a shape and two data offsets for tensor "${name}"`, JSON.stringify(entry));
  }
  const [begin, end] = data_offsets as [number, number];
  const byteLength =
    shape.reduce((product, side) => product * side, 1) * bytesPerElement[dtype as SafetensorsDtype];
  if (end - begin !== byteLength) {
    throw invalid(
      file,
      `${byteLength} bytes for tensor "${name}" of shape [${shape.join(', ')}]`,
      `${end - begin}`,
    );
  }
  if (dataStart + end > size) {
    throw truncated(file, `${dataStart + end} bytes, where tensor "${name}" ends`, `${size} bytes`);
  }
  return { name, dtype: dtype as SafetensorsDtype, shape, file, offset: dataStart + begin, byteLength };
}

/** The format allows no holes, no overlaps and nothing after the last tensor. */
function checkCoverage(views: readonly TensorView[], file: string, dataStart: number, size: number): void {
  let next = dataStart;
  for (const view of views.filter((v) => v.byteLength > 0).sort((a, b) => a.offset - b.offset)) {
    if (view.offset !== next) {
      throw invalid(file, `tensor "${view.name}" to begin at byte ${next}`, `byte ${view.offset}`);
    }
    next += view.byteLength;
  }
  if (next !== size) throw invalid(file, `${next} bytes in all`, `${size} bytes`);
}

function isCountArray(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((side) => Number.isSafeInteger(side) && (side as number) >= 0);
}

function truncated(file: string, expected: string, found: string): FundusLensError {
  return new FundusLensError('model.weights-truncated', `The weights file ${file} is incomplete.`, {
    expected,
    found,
    advice: 'Download or copy the file again and compare its SHA-256 with the publisher’s.',
  });
}

function invalid(file: string, expected: string, found: string, cause?: unknown): FundusLensError {
  return new FundusLensError('model.weights-invalid', `${file} is not a valid safetensors file.`, {
    expected,
    found,
    advice: 'Download or copy the file again and compare its SHA-256 with the publisher’s.',
    cause,
  });
}
