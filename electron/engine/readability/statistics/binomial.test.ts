import { expect, test } from 'vitest';
import { exactInterval, holm, lowerTail, upperTail } from './binomial.ts';

test('tails of small cases counted by hand, and of large ones from SciPy', () => {
  expect(upperTail(3, 3, 0.5)).toBeCloseTo(0.125, 12);
  expect(upperTail(2, 3, 0.5)).toBeCloseTo(0.5, 12);
  expect(lowerTail(0, 3, 0.5)).toBeCloseTo(0.125, 12);
  expect(lowerTail(3, 3, 0.5)).toBe(1);
  // scipy.stats.binom.sf(59, 100, 0.5), cdf(3, 40, 0.2)
  expect(upperTail(60, 100, 0.5)).toBeCloseTo(0.028443966820490395, 10);
  expect(lowerTail(3, 40, 0.2)).toBeCloseTo(0.028462094459744576, 10);
});

test('the exact interval of published cases', () => {
  // statsmodels proportion_confint(…, method="beta")
  expect(exactInterval(15, 15)[0]).toBeCloseTo(0.7819806, 6);
  expect(exactInterval(15, 15)[1]).toBe(1);
  expect(exactInterval(0, 10)).toEqual([0, expect.closeTo(0.3084971, 6)]);
  expect(exactInterval(3, 10)[0]).toBeCloseTo(0.0667395, 6);
  expect(exactInterval(3, 10)[1]).toBeCloseTo(0.6524529, 6);
  expect(() => exactInterval(0, 0)).toThrow(RangeError);
});

test('Holm keeps the order of the tests and never falls', () => {
  const corrected = holm([0.04, 0.01, 0.03]);
  for (const [place, p] of [0.06, 0.03, 0.06].entries()) expect(corrected[place]).toBeCloseTo(p, 12);
  expect(holm([])).toEqual([]);
  expect(holm([0.9, 0.8])).toEqual([1, 1]);
});
