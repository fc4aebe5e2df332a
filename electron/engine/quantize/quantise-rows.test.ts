import { describe, expect, it } from 'vitest';
import {
  blocksPerRow,
  dataBytesPerRow,
  dequantiseRow,
  zeroPointBytesPerRow,
} from '../weights/block-format.ts';
import type { BlockChoice } from './block-fit.ts';
import { quantiseRows } from './quantise-rows.ts';

const columns = 100;
const numRows = 7;

/** Nearly normal numbers with a few large ones, as weights have. */
function weights(): Float32Array {
  let state = 7;
  const next = () => (state = (state * 48271) % 2147483647) / 2147483647 - 0.5;
  return Float32Array.from({ length: numRows * columns }, (_, index) => {
    const value = next() + next() + next() + next();
    return index % 61 === 0 ? 6 * value : value;
  });
}

function dequantise(values: Float32Array, choice: BlockChoice): Float32Array {
  const { data, scales, zeroPoints } = quantiseRows(values, columns, choice);
  const output = new Float32Array(values.length);
  const rows = values.length / columns;
  const part = <T extends Uint8Array | Float32Array>(all: T, row: number, stride: number) =>
    all.subarray(row * stride, (row + 1) * stride) as T;
  for (let row = 0; row < rows; row++) {
    dequantiseRow(
      part(data, row, dataBytesPerRow(columns, choice)),
      part(scales, row, blocksPerRow(columns, choice)),
      zeroPoints && part(zeroPoints, row, zeroPointBytesPerRow(columns, choice)),
      choice,
      output.subarray(row * columns, (row + 1) * columns),
    );
  }
  return output;
}

const squares = (values: Float32Array) => values.reduce((sum, value) => sum + value * value, 0);

describe.each([
  { bits: 8, blockSize: 32, symmetric: false, limit: 0.01 },
  { bits: 8, blockSize: 32, symmetric: true, limit: 0.01 },
  { bits: 4, blockSize: 32, symmetric: false, limit: 0.11 },
  { bits: 4, blockSize: 32, symmetric: true, limit: 0.15 },
  { bits: 4, blockSize: 16, symmetric: false, limit: 0.09 },
  { bits: 4, blockSize: 64, symmetric: false, limit: 0.14 },
] as const)('$bits bits, blocks of $blockSize, symmetric: $symmetric', ({ limit, ...choice }) => {
  it('comes back within the error that it states, in a row that is no multiple of the block', () => {
    const values = weights();
    const back = dequantise(values, choice);
    const error = squares(back.map((value, index) => value - values[index]!));
    const stated = quantiseRows(values, columns, choice);
    expect(Math.sqrt(error / squares(values))).toBeLessThan(limit);
    expect(stated.squaredError / error).toBeCloseTo(1, 4);
    expect(stated.squaredNorm / squares(values)).toBeCloseTo(1, 4);
  });

  it('gives the same bytes again, and by single rows', () => {
    const values = weights();
    const whole = quantiseRows(values, columns, choice);
    const last = quantiseRows(values.slice(-columns), columns, choice);
    expect(quantiseRows(values, columns, choice)).toEqual(whole);
    expect(last.data).toEqual(whole.data.slice(-last.data.length));
    expect(last.scales).toEqual(whole.scales.slice(-last.scales.length));
  });
});

describe('special blocks', () => {
  const choice = { bits: 4, blockSize: 32, symmetric: false } as const;

  it('zeros stay zeros', () => {
    expect([...dequantise(new Float32Array(columns), choice)]).toEqual(Array(columns).fill(0));
  });

  it('numbers of one sign and single numbers', () => {
    const values = Float32Array.from({ length: columns }, (_, index) => (index < 40 ? 1 + index / 40 : 0));
    const back = dequantise(values, choice);
    back.forEach((value, index) => expect(value).toBeCloseTo(values[index]!, 0));
    const single = new Float32Array(columns);
    single[5] = -3;
    expect([...dequantise(single, choice)]).toEqual([...single]);
  });
});
