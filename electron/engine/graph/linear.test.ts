import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { dataBytesPerRow, dequantiseRow, type BlockLayout } from '../weights/block-format.ts';
import { readRows } from '../weights/tensor-reader.ts';
import { quantiseRows } from '../quantize/quantise-rows.ts';
import { float32Data, float32Tensor, Session } from '../runtime/session.ts';
import { GraphBuilder } from './graph-builder.ts';
import { cpuTarget } from './graph-target.ts';
import { multiply } from './linear.ts';
import { WeightSource } from '../weights/weight-source.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'fundus-lens-linear-'));
afterAll(() => rmSync(folder, { recursive: true }));

const [rows, columns, numStates] = [48, 100, 5];
const wave = (length: number, phase: number) =>
  Float32Array.from({ length }, (_, index) => Math.sin(phase + index * 0.7131) * (1 + (index % 13)));
const values = wave(rows * columns, 0);
const states = wave(numStates * columns, 1);
const bias = wave(rows, 2);

/** A matrix and its bias in a file, as a prepared folder holds them. */
function store(name: string, bits: 4 | 8, symmetric: boolean) {
  const choice = { bits, blockSize: 32, symmetric } as const;
  const { data, scales, zeroPoints } = quantiseRows(values, columns, choice);
  const file = path.join(folder, `${name}.bin`);
  const parts = [data, scales, zeroPoints ?? new Uint8Array(0), bias].map((part) =>
    Buffer.from(part.buffer, part.byteOffset, part.byteLength),
  );
  writeFileSync(file, Buffer.concat(parts));
  const at = (index: number) => ({
    offset: parts.slice(0, index).reduce((sum, part) => sum + part.length, 0),
    byteLength: parts[index]!.length,
  });
  const blocks: BlockLayout = { bits, blockSize: 32, scales: at(1), zeroPoints: symmetric ? null : at(2) };
  const matrix = { name: 'w.weight', dtype: 'U8', shape: [rows, columns], file, ...at(0), blocks } as const;
  const biasView = { name: 'w.bias', dtype: 'F32', shape: [rows], file, ...at(3) } as const;
  return {
    matrix,
    weights: new WeightSource(
      new Map<string, typeof matrix | typeof biasView>([
        ['w.weight', matrix],
        ['w.bias', biasView],
      ]),
    ),
  };
}

/** The product in float64 of what the file's bytes mean. */
function expected(dense: Float32Array, firstRow: number, count: number): number[] {
  return Array.from({ length: numStates * count }, (_, index) => {
    const [state, row] = [Math.floor(index / count), firstRow + (index % count)];
    let sum = bias[row - firstRow]!;
    for (let c = 0; c < columns; c++) sum += states[state * columns + c]! * dense[row * columns + c]!;
    return sum;
  });
}

async function run(weights: WeightSource, firstRow: number, count: number): Promise<Float32Array> {
  const graph = new GraphBuilder('linear', weights, { ...cpuTarget, widen: 'per-use' });
  const x = graph.input('x', 'float32', ['states', columns]);
  const matrix = graph.matrix('w.weight', [count, columns], { firstRow });
  const biasValue = graph.weight('w.bias', [count], { firstRow: 0 });
  graph.output('y', multiply(graph, '/w', x, matrix, biasValue, 'y'), 'float32', ['states', count]);
  const session = await Session.create({
    graph: graph.build(),
    weightsFolder: weights.folder,
    provider: 'cpu',
    widen: 'per-use',
  });
  const outputs = await session.run({ x: float32Tensor(states, [numStates, columns]) }, ['y']);
  await session.release();
  return float32Data(outputs['y']).slice();
}

describe.each([
  { bits: 4, symmetric: false },
  { bits: 4, symmetric: true },
  { bits: 8, symmetric: false },
  { bits: 8, symmetric: true },
] as const)('a product with $bits-bit weights, symmetric: $symmetric', ({ bits, symmetric }) => {
  const { matrix, weights } = store(`${bits}-${symmetric}`, bits, symmetric);
  const dense = readRows(
    matrix,
    Array.from({ length: rows }, (_, row) => row),
  );

  it.each([
    [0, rows],
    [16, 20],
  ])('of the rows from %i, %i of them, is that of the stored numbers', async (firstRow, count) => {
    const found = await run(weights, firstRow, count);
    expected(dense, firstRow, count).forEach((value, index) => {
      expect(Math.abs(found[index]! - value)).toBeLessThan(1e-5 * columns * 13 * 13);
    });
  });

  it('reads single rows as the whole', () => {
    const choice = { bits, blockSize: 32, symmetric };
    const whole = quantiseRows(values, columns, choice);
    const row = new Float32Array(columns);
    const stride = dataBytesPerRow(columns, choice);
    dequantiseRow(
      whole.data.subarray(3 * stride, 4 * stride),
      whole.scales.subarray(12, 16),
      whole.zeroPoints?.subarray(
        (3 * whole.zeroPoints.length) / rows,
        (4 * whole.zeroPoints.length) / rows,
      ) ?? null,
      choice,
      row,
    );
    expect(readRows(matrix, [3])).toEqual(row);
  });
});
