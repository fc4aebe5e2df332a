import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { findEmergence, logOdds } from './emergence.ts';

/** One position, layers downwards. */
function find(
  ranks: number[],
  probabilities: number[],
  controlLogOdds: number[] | null = null,
  maxRank = 10,
) {
  return findEmergence({
    ranks: Int32Array.from(ranks),
    logProbs: Float32Array.from(probabilities, Math.log),
    numLayers: ranks.length,
    numPositions: 1,
    maxRank,
    controlLogOdds,
  }).layers[0];
}

describe('findEmergence', () => {
  const even = [0.5, 0.5, 0.5, 0.5];

  test('the first layer from which on the rank stays small', () => {
    expect(find([900, 11, 10, 1], even)).toBe(2);
    expect(find([900, 3, 11, 1], even)).toBe(3);
    expect(find([900, 800, 700, 10], even)).toBe(3);
  });

  test('never, when the last layer does not have it', () => {
    expect(find([1, 1, 1, 11], even)).toBeNull();
  });

  test('row 0 is no layer', () => {
    expect(find([1, 1, 1, 1], even)).toBe(1);
  });

  test('the log-odds must exceed the controls at every later layer', () => {
    expect(find([1, 1, 1, 1], even, [5, -1, -1, -1])).toBe(1);
    expect(find([1, 1, 1, 1], even, [5, -1, 0, -1])).toBe(3);
    expect(find([1, 1, 1, 1], even, [-9, -9, -9, 0.1])).toBeNull();
  });

  const trace = fc
    .tuple(fc.integer({ min: 1, max: 8 }), fc.integer({ min: 1, max: 4 }))
    .chain(([numLayers, numPositions]) => {
      const size = { minLength: numLayers * numPositions, maxLength: numLayers * numPositions };
      return fc.record({
        numLayers: fc.constant(numLayers),
        numPositions: fc.constant(numPositions),
        ranks: fc.array(fc.integer({ min: 1, max: 20 }), size).map((ranks) => Int32Array.from(ranks)),
        logProbs: fc
          .array(fc.double({ min: -30, max: 0, noNaN: true }), size)
          .map((p) => Float32Array.from(p)),
        maxRank: fc.integer({ min: 1, max: 20 }),
        controlLogOdds: fc.option(
          fc.array(fc.double({ min: -20, max: 5, noNaN: true }), {
            minLength: numLayers,
            maxLength: numLayers,
          }),
        ),
      });
    });

  test('it is the smallest layer that satisfies the definition, and "never" only when there is none', () => {
    fc.assert(
      fc.property(trace, (input) => {
        const { ranks, logProbs, numLayers, numPositions, maxRank, controlLogOdds } = input;
        const holdsFrom = (first: number, position: number) =>
          Array.from({ length: numLayers - first }, (_, index) => first + index).every((layer) => {
            const cell = layer * numPositions + position;
            const above = controlLogOdds === null || logOdds(logProbs[cell]!) > controlLogOdds[layer]!;
            return ranks[cell]! <= maxRank && above;
          });
        const { layers } = findEmergence(input);
        expect(layers).toHaveLength(numPositions);
        for (const [position, found] of layers.entries()) {
          const candidates = Array.from({ length: numLayers - 1 }, (_, index) => index + 1);
          expect(found).toBe(candidates.find((layer) => holdsFrom(layer, position)) ?? null);
        }
      }),
    );
  });

  test('a larger rank never makes it later, controls never make it earlier', () => {
    const order = (layer: number | null) => layer ?? Infinity;
    fc.assert(
      fc.property(trace, (input) => {
        const base = findEmergence(input).layers;
        const wider = findEmergence({ ...input, maxRank: input.maxRank + 5 }).layers;
        const free = findEmergence({ ...input, controlLogOdds: null }).layers;
        for (const [position, layer] of base.entries()) {
          expect(order(wider[position]!)).toBeLessThanOrEqual(order(layer));
          expect(order(free[position]!)).toBeLessThanOrEqual(order(layer));
        }
      }),
    );
  });

  test('arrays of the wrong shape are refused', () => {
    const input = { ranks: new Int32Array(6), logProbs: new Float32Array(6), numLayers: 3, numPositions: 2 };
    expect(() => findEmergence({ ...input, numLayers: 4, controlLogOdds: null })).toThrow(RangeError);
    expect(() => findEmergence({ ...input, controlLogOdds: [0, 0] })).toThrow(RangeError);
  });
});

test('log-odds stay accurate at both ends', () => {
  expect(logOdds(Math.log(0.5))).toBeCloseTo(0, 12);
  expect(logOdds(Math.log(0.9))).toBeCloseTo(Math.log(9), 12);
  expect(logOdds(-50)).toBeCloseTo(-50, 12);
  expect(logOdds(-1e-12)).toBeCloseTo(Math.log(1e12), 6);
  expect(logOdds(0)).toBe(Infinity);
});
