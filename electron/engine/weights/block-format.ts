/** A byte range of the file that holds the tensor. */
export interface ByteRange {
  readonly offset: number;
  readonly byteLength: number;
}

/**
 * How an integer tensor [R, C] is stored, as MatMulNBits reads it: row-major, columns in blocks, the last block of a
 * row filled up; two 4-bit values to a byte, the low half first. w = (q − zeroPoint) · scale.
 */
export interface BlockLayout {
  readonly bits: 4 | 8;
  readonly blockSize: number;
  /** float32 [R, blocks] */
  readonly scales: ByteRange;
  /** uint8 [R, zero-point bytes]; null for the middle of the range, 8 or 128. */
  readonly zeroPoints: ByteRange | null;
}

type Geometry = Pick<BlockLayout, 'bits' | 'blockSize'>;

export function blocksPerRow(columns: number, { blockSize }: Geometry): number {
  return Math.ceil(columns / blockSize);
}

/** Bytes of a row's values, filled up to whole blocks. */
export function dataBytesPerRow(columns: number, layout: Geometry): number {
  return (blocksPerRow(columns, layout) * layout.blockSize * layout.bits) / 8;
}

/** Bytes of a row's zero points; those of a row of 4-bit values begin at a whole byte. */
export function zeroPointBytesPerRow(columns: number, layout: Geometry): number {
  return Math.ceil((blocksPerRow(columns, layout) * layout.bits) / 8);
}

/** The zero point of a tensor without stored ones. */
export function middleOf(bits: 4 | 8): number {
  return 1 << (bits - 1);
}

/**
 * Turns one row into float32.
 *
 * @param data the row's values
 * @param scales float32 [blocks]
 * @param zeroPoints the row's zero points, or null
 * @param output float32 [C]
 */
export function dequantiseRow(
  data: Uint8Array,
  scales: Float32Array,
  zeroPoints: Uint8Array | null,
  { bits, blockSize }: Geometry,
  output: Float32Array,
): void {
  const at = bits === 8 ? byteAt : halfByteAt;
  for (let column = 0; column < output.length; column++) {
    const block = Math.floor(column / blockSize);
    const zeroPoint = zeroPoints === null ? middleOf(bits) : at(zeroPoints, block);
    output[column] = (at(data, column) - zeroPoint) * scales[block]!;
  }
}

function byteAt(bytes: Uint8Array, index: number): number {
  return bytes[index]!;
}

function halfByteAt(bytes: Uint8Array, index: number): number {
  return (bytes[index >> 1]! >> (4 * (index & 1))) & 15;
}
