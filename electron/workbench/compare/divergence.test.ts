import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { alignLayers } from './align-layers.ts';
import { divergenceOf } from './divergence.ts';
import type { TopTokens } from './divergence.ts';

/** The K most probable of a distribution. */
function keep(distribution: readonly number[], count: number): TopTokens {
  const ids = distribution
    .map((_, id) => id)
    .sort((a, b) => distribution[b]! - distribution[a]!)
    .slice(0, count);
  return { ids, logProbs: ids.map((id) => Math.log(distribution[id]!)) };
}

function softmax(logits: readonly number[]): number[] {
  const most = Math.max(...logits);
  const weights = logits.map((logit) => Math.exp(logit - most));
  const sum = weights.reduce((total, weight) => total + weight, 0);
  return weights.map((weight) => weight / sum);
}

/** By the definitions of docs/lens.md, over all tokens. */
function byDefinition(p: readonly number[], q: readonly number[]) {
  const m = p.map((value, i) => (value + q[i]!) / 2);
  const kl = (a: readonly number[]) =>
    a.reduce((sum, value, i) => sum + (value === 0 ? 0 : value * Math.log(value / m[i]!)), 0);
  return {
    js: 0.5 * kl(p) + 0.5 * kl(q),
    tv: 0.5 * p.reduce((sum, value, i) => sum + Math.abs(value - q[i]!), 0),
  };
}

const logits = (size: number) =>
  fc.array(fc.double({ min: -12, max: 12, noNaN: true }), { minLength: size, maxLength: size });
const pairOfDistributions = fc
  .integer({ min: 2, max: 40 })
  .chain((size) => fc.tuple(logits(size), logits(size), fc.integer({ min: 1, max: size })))
  .map(([a, b, count]) => ({ p: softmax(a), q: softmax(b), count }));

describe('divergenceOf', () => {
  test('the exact number lies between the bounds, and the estimate too', () => {
    fc.assert(
      fc.property(pairOfDistributions, ({ p, q, count }) => {
        const { js, tv } = byDefinition(p, q);
        const found = divergenceOf(keep(p, count), keep(q, count), p.length);
        for (const [exact, { value, lower, upper }] of [
          [js, found.jensenShannon],
          [tv, found.totalVariation],
        ] as const) {
          expect(lower).toBeLessThanOrEqual(exact + 1e-9);
          expect(upper).toBeGreaterThanOrEqual(exact - 1e-9);
          expect(value).toBeGreaterThanOrEqual(lower);
          expect(value).toBeLessThanOrEqual(upper);
        }
      }),
      { numRuns: 500 },
    );
  });

  test('with every token kept it is exact', () => {
    fc.assert(
      fc.property(pairOfDistributions, ({ p, q }) => {
        const { js, tv } = byDefinition(p, q);
        const { jensenShannon, totalVariation, tailMass } = divergenceOf(
          keep(p, p.length),
          keep(q, q.length),
          p.length,
        );
        expect(tailMass).toEqual([0, 0]);
        for (const part of ['value', 'lower', 'upper'] as const) {
          expect(jensenShannon[part]).toBeCloseTo(js, 9);
          expect(totalVariation[part]).toBeCloseTo(tv, 9);
        }
      }),
    );
  });

  test('equal distributions may be equal, and disjoint ones are as far apart as can be', () => {
    const same = keep([0.7, 0.2, 0.05, 0.05], 2);
    expect(divergenceOf(same, same, 4).jensenShannon).toMatchObject({ value: 0, lower: 0 });
    const far = divergenceOf(keep([1, 1e-300, 1e-300], 1), keep([1e-300, 1, 1e-300], 1), 3);
    expect(far.jensenShannon.value).toBeCloseTo(Math.LN2, 12);
    expect(far.totalVariation.value).toBeCloseTo(1, 12);
  });

  test('tokens kept in one list only still give a lower bound, because their mass has nowhere to hide', () => {
    const a = keep([0.9, 0.05, 0.05, 1e-9], 1);
    const b = keep([0.01, 0.95, 0.03, 0.01], 1);
    expect(divergenceOf(a, b, 4).totalVariation.lower).toBeGreaterThan(0.8);
  });
});

describe('alignLayers', () => {
  test('equal depths align by index', () => {
    expect(alignLayers(3, 3)).toEqual({
      alignment: 'index',
      layers: [
        [0, 0],
        [1, 1],
        [2, 2],
      ],
    });
  });

  test('other depths align by relative depth, ends on ends, each layer once where there are fewer', () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 80 }), fc.integer({ min: 2, max: 80 }), (a, b) => {
        const { layers } = alignLayers(a, b);
        expect(layers).toHaveLength(Math.min(a, b));
        expect(layers[0]).toEqual([0, 0]);
        expect(layers.at(-1)).toEqual([a - 1, b - 1]);
        const fewer = layers.map(([la, lb]) => (a <= b ? la : lb));
        expect(fewer).toEqual(fewer.map((_, row) => row));
      }),
    );
  });
});
