import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createRandom, holmCorrect, interval, meanOf, permutationPValue } from './resampling.ts';

describe('resampling', () => {
  test('a seed repeats its numbers, and they fill the unit interval evenly', () => {
    const first = createRandom(7);
    const second = createRandom(7);
    const drawn = Array.from({ length: 10_000 }, () => first());
    expect(drawn.slice(0, 100)).toEqual(Array.from({ length: 100 }, () => second()));
    expect(meanOf(drawn.map((value) => [value]))[0]).toBeCloseTo(0.5, 1);
    const [low, high] = interval(drawn);
    expect(low).toBeCloseTo(0.025, 2);
    expect(high).toBeCloseTo(0.975, 2);
  });

  test('groups that differ have a small p where they differ, and only there', () => {
    const random = createRandom(1);
    const noise = () => random() - 0.5;
    const group = Array.from({ length: 12 }, () => [noise(), 3 + noise()]);
    const control = Array.from({ length: 12 }, () => [noise(), noise()]);
    const [same, other] = permutationPValue(group, control, 999, random) as [number, number];
    expect(same).toBeGreaterThan(0.05);
    expect(other).toBe(0.001);
  });

  test('Holm: never below the raw p, never above Bonferroni, in the same order', () => {
    expect(holmCorrect([0.01, 0.04, 0.03])).toEqual([0.03, 0.06, 0.06]);
    const probability = fc.double({ min: 0, max: 1, noNaN: true });
    fc.assert(
      fc.property(fc.array(probability, { minLength: 1, maxLength: 30 }), (raw) => {
        const corrected = holmCorrect(raw);
        for (const [index, p] of raw.entries()) {
          expect(corrected[index]).toBeGreaterThanOrEqual(p);
          expect(corrected[index]).toBeLessThanOrEqual(Math.min(1, p * raw.length));
        }
      }),
    );
  });
});
