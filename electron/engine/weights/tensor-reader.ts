import { closeSync, openSync, readSync } from 'node:fs';
import {
  blocksPerRow,
  dataBytesPerRow,
  dequantiseRow,
  zeroPointBytesPerRow,
  type BlockLayout,
} from './block-format.ts';
import { bytesPerElement, type TensorView } from './safetensors.ts';

/**
 * Reads rows of a matrix straight from the weights file and widens them to float32.
 *
 * @param view matrix [R, C] of dtype F32, F16 or BF16, or of rounded weights
 * @param rows row numbers, 0…R−1, in any order, repeats allowed
 * @returns float32 [rows.length, C]
 * @throws RangeError when a row is outside the matrix
 */
export function readRows(view: TensorView, rows: readonly number[]): Float32Array {
  if (view.blocks !== undefined) return readBlockRows(view, view.blocks, rows);
  const [numRows, numColumns] = view.shape as [number, number];
  const rowBytes = numColumns * bytesPerElement[view.dtype];
  const output = new Float32Array(rows.length * numColumns);
  const bytes = Buffer.alloc(rowBytes);
  const descriptor = openSync(view.file, 'r');
  try {
    rows.forEach((row, index) => {
      if (!(row >= 0 && row < numRows)) {
        throw new RangeError(`row ${row} is outside ${view.name} with ${numRows} rows`);
      }
      readSync(descriptor, bytes, 0, rowBytes, view.offset + row * rowBytes);
      widen(bytes, view, output.subarray(index * numColumns, (index + 1) * numColumns));
    });
  } finally {
    closeSync(descriptor);
  }
  return output;
}

function readBlockRows(view: TensorView, blocks: BlockLayout, rows: readonly number[]): Float32Array {
  const [numRows, numColumns] = view.shape as [number, number];
  const { scales, zeroPoints } = blocks;
  const output = new Float32Array(rows.length * numColumns);
  const data = new Uint8Array(dataBytesPerRow(numColumns, blocks));
  const rowScales = new Float32Array(blocksPerRow(numColumns, blocks));
  const zeros = zeroPoints && new Uint8Array(zeroPointBytesPerRow(numColumns, blocks));
  const descriptor = openSync(view.file, 'r');
  try {
    rows.forEach((row, index) => {
      if (!(row >= 0 && row < numRows)) {
        throw new RangeError(`row ${row} is outside ${view.name} with ${numRows} rows`);
      }
      const read = (target: Uint8Array, offset: number) =>
        readSync(descriptor, target, 0, target.byteLength, offset + row * target.byteLength);
      read(data, view.offset);
      read(new Uint8Array(rowScales.buffer), scales.offset);
      if (zeros !== null) read(zeros, zeroPoints!.offset);
      const target = output.subarray(index * numColumns, (index + 1) * numColumns);
      dequantiseRow(data, rowScales, zeros, blocks, target);
    });
  } finally {
    closeSync(descriptor);
  }
  return output;
}

/** Widens numbers to float32. */
export function widen(
  bytes: Buffer,
  { dtype, name }: Pick<TensorView, 'dtype' | 'name'>,
  output: Float32Array,
): void {
  const source = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  switch (dtype) {
    case 'F32':
      for (let i = 0; i < output.length; i++) output[i] = source.getFloat32(4 * i, true);
      return;
    case 'F16':
      for (let i = 0; i < output.length; i++) output[i] = source.getFloat16(2 * i, true);
      return;
    case 'BF16': {
      const bits = new Uint32Array(output.buffer, output.byteOffset, output.length);
      for (let i = 0; i < output.length; i++) bits[i] = source.getUint16(2 * i, true) << 16;
      return;
    }
    default:
      throw new TypeError(`${name} has dtype ${dtype}, which is no weight dtype`);
  }
}
