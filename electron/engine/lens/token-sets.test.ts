import fc from 'fast-check';
import { expect, it } from 'vitest';
import { TokenSets } from './token-sets.ts';

const set = fc.uniqueArray(fc.integer({ min: 0, max: 30 }), { minLength: 1, maxLength: 8 });

it('sums probabilities of sets that share tokens, whatever their size', () => {
  fc.assert(
    fc.property(
      fc.array(set, { minLength: 1, maxLength: 5 }),
      fc.array(fc.float({ min: -2000, max: 50, noNaN: true }), { minLength: 62, maxLength: 62 }),
      (sets, vocabulary) => {
        const read = new TokenSets(sets);
        const rows = [vocabulary.slice(0, 31), vocabulary.slice(31)];
        const logits = Float32Array.from(rows.flatMap((row) => read.tokens.map((token) => row[token]!)));
        const whole = Float32Array.from(rows, logSumExp);
        const [logProbs, largest] = [read.logProbs(logits, whole), read.largest(logits, sets.length)];
        rows.forEach((row, at) =>
          sets.forEach((ids, index) => {
            const own = ids.map((id) => row[id]!);
            const cell = at * sets.length + index;
            expect(Math.abs(logProbs[cell]! - (logSumExp(own) - whole[at]!))).toBeLessThan(3e-4);
            expect(largest[cell]).toBe(Math.max(...own));
          }),
        );
      },
    ),
  );
});

it('repeats a token where a set has fewer than the largest', () => {
  const read = new TokenSets([[5], [7, 5, 9], [9]]);
  expect(read.tokens).toEqual([5, 7, 9]);
  expect([...read.paddedPlaces(3, 2)].map(Number)).toEqual([0, 0, 0, 1, 0, 2, 0, 0, 0]);
});

function logSumExp(values: readonly number[]): number {
  const most = Math.max(...values);
  return most + Math.log(values.reduce((sum, value) => sum + Math.exp(value - most), 0));
}
