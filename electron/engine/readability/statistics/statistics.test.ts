import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { benjaminiHochberg } from './benjamini-hochberg.ts';
import { logComplementOf, logOdds, logSumExp } from './log-probability.ts';
import { medianAndDeviation, middleInterval, quantile } from './quantile.ts';
import { attainableP, rankP } from './rank-p.ts';
import { createNormal, createRandom } from './seeded-random.ts';

describe('quantile', () => {
  it('is numpy’s default', () => {
    expect(quantile([3, 1, 2, 4], 0.95)).toBeCloseTo(3.85, 12);
    expect(quantile([7], 0.3)).toBe(7);
    expect(quantile([-Infinity, -Infinity, 1], 0.25)).toBe(-Infinity);
    expect(medianAndDeviation([1, 1, 2, 2, 4, 6, 9])).toEqual([2, 1]);
    expect(() => quantile([], 0.5)).toThrow(RangeError);
  });
});

describe('rank p', () => {
  it('counts the reading itself, so that it is never 0, and is uniform when reading and controls are alike', () => {
    expect(rankP(5, [1, 2, 5, 7])).toBe(3 / 5);
    expect(rankP(9, [1, 2, 5, 7])).toBe(attainableP(4));
    expect(rankP(1, [])).toBe(1);
    const random = createRandom(1);
    const trials = 4000;
    let small = 0;
    for (let trial = 0; trial < trials; trial++) {
      const [own, ...controls] = Array.from({ length: 40 }, random) as [number, ...number[]];
      if (rankP(own, controls) <= 0.05) small++;
    }
    expect(small / trials).toBeGreaterThan(0.04);
    expect(small / trials).toBeLessThan(0.06);
  });
});

describe('Benjamini–Hochberg', () => {
  it('finds what the step-up by its definition finds, and q is never below p and sorts like it', () => {
    const p = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 1, maxLength: 30 });
    fc.assert(
      fc.property(p, fc.constantFrom(0.05, 0.1, 0.5), (values, level) => {
        const { q, threshold } = benjaminiHochberg(values, level);
        const sorted = values.toSorted((a, b) => a - b);
        let expected = 0;
        sorted.forEach((value, k) => {
          if (value <= ((k + 1) / values.length) * level) expected = value;
        });
        expect(threshold).toBeCloseTo(expected, 12);
        values.forEach((value, index) => {
          expect(q[index]).toBeGreaterThanOrEqual(value * (1 - 1e-12));
          if (value > 0) expect(q[index]! <= level * (1 + 1e-12)).toBe(value <= threshold);
          values.forEach((other, at) => value < other && expect(q[index]).toBeLessThanOrEqual(q[at]!));
        });
      }),
    );
  });
});

describe('log-odds', () => {
  it('stay finite and in order where p rounds to 1', () => {
    const complements = [-20, -40, -80];
    const odds = complements.map((complement) =>
      logOdds(Math.fround(Math.log1p(-Math.exp(complement))), complement),
    );
    expect(odds.every(Number.isFinite)).toBe(true);
    expect(odds.toSorted((a, b) => a - b)).toEqual(odds);
    expect(logComplementOf(Math.log(0.25))).toBeCloseTo(Math.log(0.75), 12);
    expect(logComplementOf(0)).toBe(-Infinity);
    expect(logSumExp([-1000, -1000])).toBeCloseTo(-1000 + Math.LN2, 9);
    expect(logSumExp([])).toBe(-Infinity);
  });
});

it('normal numbers have mean 0 and variance 1', () => {
  const normal = createNormal(createRandom(3));
  const values = Array.from({ length: 20_000 }, normal);
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  expect(mean).toBeCloseTo(0, 1);
  expect(values.reduce((sum, value) => sum + value * value, 0) / values.length).toBeCloseTo(1, 1);
});

it('a seed repeats its numbers, and they fill the unit interval evenly', () => {
  const first = createRandom(7);
  const second = createRandom(7);
  const drawn = Array.from({ length: 10_000 }, () => first());
  expect(drawn.slice(0, 100)).toEqual(Array.from({ length: 100 }, () => second()));
  expect(drawn.reduce((sum, value) => sum + value) / drawn.length).toBeCloseTo(0.5, 1);
  const [low, high] = middleInterval(drawn);
  expect(low).toBeCloseTo(0.025, 2);
  expect(high).toBeCloseTo(0.975, 2);
});
