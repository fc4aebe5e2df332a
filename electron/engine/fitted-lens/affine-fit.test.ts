import path from 'node:path';
import { expect, test } from 'vitest';
import { fixturesFolder, readTensors } from '../testing/reference-fixtures.ts';
import { AffineFit, applyAffine } from './affine-fit.ts';

test('the map is that of NumPy’s least squares', async () => {
  const tensors = await readTensors(path.join(fixturesFolder, 'shortcut.safetensors'));
  const of = (name: string) => Float32Array.from(tensors.get(name)!.data);
  const [x, y, weights, matrices, biases] = ['x', 'y', 'weights', 'matrices', 'biases'].map(of) as [
    Float32Array,
    Float32Array,
    Float32Array,
    Float32Array,
    Float32Array,
  ];
  const width = y.length / weights.length;
  const fit = new AffineFit(width);
  weights.forEach((weight, row) => {
    const at = (rows: Float32Array) => rows.subarray(row * width, (row + 1) * width);
    fit.add(at(x), at(y), weight);
  });
  of('ridges').forEach((ridge, index) => {
    const { matrix, bias } = fit.solve(ridge);
    const largest = (found: Float32Array, expected: Float32Array) =>
      Math.max(...found.map((value, at) => Math.abs(value - expected[at]!)));
    expect(largest(matrix, matrices.subarray(index * width ** 2, (index + 1) * width ** 2))).toBeLessThan(
      1e-5,
    );
    expect(largest(bias, biases.subarray(index * width, (index + 1) * width))).toBeLessThan(1e-5);
  });
});

test('a known map is found again and applied; of no rows there is none', () => {
  const fit = new AffineFit(2);
  const map = { matrix: Float32Array.of(1, 2, -1, 0.5), bias: Float32Array.of(3, -2) };
  for (const [a, b] of [
    [0, 0],
    [1, 0],
    [0, 1],
    [2, -3],
  ] as const) {
    const x = Float32Array.of(a, b);
    fit.add(x, applyAffine(map, x), 2);
  }
  const found = fit.solve(0);
  expect([...found.matrix]).toEqual([...map.matrix].map((value) => expect.closeTo(value, 5) as number));
  expect([...applyAffine(found, Float32Array.of(1, 1))]).toEqual([
    expect.closeTo(7, 5),
    expect.closeTo(-1.5, 5),
  ]);
  expect(() => new AffineFit(2).solve(0)).toThrow(RangeError);
});
