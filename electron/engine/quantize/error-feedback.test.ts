import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  blocksPerRow,
  dataBytesPerRow,
  dequantiseRow,
  zeroPointBytesPerRow,
} from '../weights/block-format.ts';
import { momentsGroup } from '../graph/input-moments.ts';
import type { BlockChoice } from './block-fit.ts';
import { factorMoments, type FeedbackFactors } from './error-feedback.ts';
import { quantiseRows } from './quantise-rows.ts';

const numRows = 6;
const choice: BlockChoice = { bits: 4, blockSize: 32, symmetric: false };

function numbers(seed: number): () => number {
  let state = (seed % 2147483646) + 1;
  const next = () => (state = (state * 48271) % 2147483647) / 2147483647 - 0.5;
  return () => next() + next() + next() + next();
}

/** Inputs that go together, as activations do: [samples, columns]. */
function correlatedInputs(seed: number, columns: number, samples = 400): Float64Array {
  const next = numbers(seed);
  const factors = 8;
  const loadings = Float64Array.from({ length: factors * columns }, next);
  const sizes = Float64Array.from({ length: columns }, () => Math.exp(next()));
  const inputs = new Float64Array(samples * columns);
  for (let sample = 0; sample < samples; sample++) {
    const hidden = Array.from({ length: factors }, next);
    for (let column = 0; column < columns; column++) {
      const common = hidden.reduce((sum, value, k) => sum + value * loadings[k * columns + column]!, 0);
      inputs[sample * columns + column] = sizes[column]! * (common + 0.3 * next());
    }
  }
  return inputs;
}

function momentsOfInputs(inputs: Float64Array, columns: number): Float64Array {
  const groups = Math.ceil(columns / momentsGroup);
  const moments = new Float64Array(groups * momentsGroup ** 2);
  for (let at = 0; at < inputs.length; at += columns) {
    for (let i = 0; i < columns; i++) {
      const start = Math.floor(i / momentsGroup) * momentsGroup;
      for (let j = start; j < Math.min(start + momentsGroup, columns); j++)
        moments[i * momentsGroup + (j - start)]! += inputs[at + i]! * inputs[at + j]!;
    }
  }
  return moments;
}

function dequantise(values: Float32Array, columns: number, factors: FeedbackFactors | null): Float32Array {
  const { data, scales, zeroPoints } = quantiseRows(values, columns, choice, factors);
  const output = new Float32Array(values.length);
  for (let row = 0; row < numRows; row++) {
    const part = <T extends Uint8Array | Float32Array>(all: T, stride: number) =>
      all.subarray(row * stride, (row + 1) * stride) as T;
    dequantiseRow(
      part(data, dataBytesPerRow(columns, choice)),
      part(scales, blocksPerRow(columns, choice)),
      part(zeroPoints!, zeroPointBytesPerRow(columns, choice)),
      choice,
      part(output, columns),
    );
  }
  return output;
}

/** Σ over samples and rows of ((prepared − source) · x)². */
function productError(inputs: Float64Array, columns: number, a: Float32Array, b: Float32Array): number {
  let error = 0;
  for (let at = 0; at < inputs.length; at += columns) {
    for (let row = 0; row < numRows; row++) {
      let product = 0;
      for (let column = 0; column < columns; column++)
        product += (a[row * columns + column]! - b[row * columns + column]!) * inputs[at + column]!;
      error += product ** 2;
    }
  }
  return error;
}

const widths = fc.constantFrom(20, 48, 128, 256, 300);

describe('rounding with error feedback', () => {
  it('makes the products of inputs that go together truer, of samples that it has not seen too', () => {
    fc.assert(
      fc.property(fc.nat(1_000_000), widths, (seed, columns) => {
        const values = Float32Array.from({ length: numRows * columns }, numbers(seed + 1));
        const seen = correlatedInputs(seed, columns);
        const factors = factorMoments(momentsOfInputs(seen, columns), columns);
        const nearest = dequantise(values, columns, null);
        const fed = dequantise(values, columns, factors);
        // The same mixture of factors with other draws: the generator's loadings come first.
        const unseen = correlatedInputs(seed, columns, 800).subarray(400 * columns);
        for (const inputs of [seen, unseen])
          expect(productError(inputs, columns, fed, values)).toBeLessThan(
            productError(inputs, columns, nearest, values),
          );
      }),
      { numRuns: 8 },
    );
  });

  it('of inputs that have nothing to do with each other is no worse than rounding to the nearest', () => {
    fc.assert(
      fc.property(fc.nat(1_000_000), widths, (seed, columns) => {
        const values = Float32Array.from({ length: numRows * columns }, numbers(seed));
        const groups = Math.ceil(columns / momentsGroup);
        const moments = new Float64Array(groups * momentsGroup ** 2);
        for (let column = 0; column < columns; column++)
          moments[column * momentsGroup + (column % momentsGroup)] = 1;
        const { weights, shares } = factorMoments(moments, columns);
        expect(shares.every((share) => share === 0)).toBe(true);
        expect(new Set(weights.subarray(0, columns)).size).toBe(1);
        const error = (rounded: Float32Array) =>
          rounded.reduce((sum, value, index) => sum + (value - values[index]!) ** 2, 0);
        const fed = error(dequantise(values, columns, { weights, shares }));
        expect(fed).toBeLessThanOrEqual(error(dequantise(values, columns, null)) * (1 + 1e-6));
      }),
      { numRuns: 25 },
    );
  });

  it('passes a share of an error on that is the correlation of two inputs, and survives silent ones', () => {
    const moments = new Float64Array(momentsGroup ** 2);
    moments[0] = moments[momentsGroup + 1] = 1;
    moments[1] = moments[momentsGroup] = 0.8;
    const { shares } = factorMoments(moments, 2);
    expect(shares[1]).toBeCloseTo(-0.8, 1);
    const silent = factorMoments(new Float64Array(momentsGroup ** 2), 20);
    expect([...silent.shares, ...silent.weights].every(Number.isFinite)).toBe(true);
  });

  it('refuses the factors of another matrix', () => {
    const factors = factorMoments(new Float64Array(momentsGroup ** 2), 100);
    expect(() => quantiseRows(new Float32Array(300), 300, choice, factors)).toThrow(RangeError);
  });
});
