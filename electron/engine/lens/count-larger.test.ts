import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RankCounter } from './count-larger.ts';

const finite = fc.float({ noNaN: true, noDefaultInfinity: true, min: -1e4, max: 1e4 });

describe('RankCounter', () => {
  it('counts exactly the larger logits, whatever the distribution', () => {
    const counter = new RankCounter();
    fc.assert(
      fc.property(
        fc.array(finite, { minLength: 1, maxLength: 400 }),
        fc.array(fc.nat(), { minLength: 1, maxLength: 12 }),
        (values, picks) => {
          const logits = Float32Array.from(values);
          const thresholds = Float32Array.from(picks, (pick) => logits[pick % logits.length]!);
          const expected = Array.from(thresholds, (t) => 1 + logits.filter((value) => value > t).length);
          expect(counter.rank(logits, thresholds)).toEqual(expected);
        },
      ),
    );
  });

  it('gives equal logits the same rank, and the top one rank 1', () => {
    expect(new RankCounter().rank(Float32Array.of(1, 3, 3, 2), Float32Array.of(3, 2, 1))).toEqual([1, 3, 4]);
  });

  it('resolves many logits that share a bin with a threshold', () => {
    const logits = Float32Array.from({ length: 100_000 }, (_, index) => Math.fround(1 + index * 1e-6));
    const thresholds = Float32Array.of(logits[50_000]!, -1e4, logits[99_999]!);
    const expected = Array.from(thresholds, (t) => 1 + logits.filter((value) => value > t).length);
    expect(new RankCounter().rank(logits, thresholds)).toEqual(expected);
  });
});
