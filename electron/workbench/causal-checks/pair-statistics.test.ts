import { expect, test } from 'vitest';
import { createNormal, createRandom } from '../../engine/readability/statistics/seeded-random.ts';
import type { CausalReading, PositionSet } from '../../engine/lens-trace/causal-request.ts';
import { summarisePairs, type CheckedPair } from './pair-statistics.ts';

const numLayers = 6;
const normal = createNormal(createRandom(11));

/** A pair in whose image, or region, all of the difference lies before block `until`, and in nothing else. */
function pair(
  kind: CheckedPair['kind'],
  difference: number,
  until: number,
  carrier: PositionSet,
): CheckedPair {
  const [clean, corrupt] = [difference / 2, -difference / 2];
  const curve = (from: number, to: number, isCarrier: boolean) =>
    Float32Array.from({ length: numLayers + 1 }, (_, layer) =>
      isCarrier && layer < until ? to : from + (kind === 'opposite' ? 0.1 : 0.3) * normal(),
    );
  const patches = (['image', 'region', 'irrelevant', 'last'] as const).map((set) => {
    const isCarrier = set === 'image' || set === carrier;
    return {
      ...{ set, numPositions: 1 },
      intoCorrupt: curve(corrupt, clean, isCarrier),
      intoClean: curve(clean, corrupt, isCarrier),
    };
  });
  const reading: CausalReading = {
    model: { id: 'planted', sha256: '', numLayers, provider: 'cpu' },
    ...{ cleanSha256: '', corruptSha256: '', cells: [2, 2], tokens: { a: ['a'], b: ['b'] } },
    ...{ clean, corrupt, patches, meanAblated: curve(clean, 0, true), knockouts: [] },
  };
  return { kind, reading };
}

function pairs(count: number, carrier: PositionSet): CheckedPair[] {
  return Array.from({ length: count }, (_, index) => [
    pair('opposite', 6 + normal(), 4, carrier),
    ...(index < 12 ? [pair('same-label', 0.2 * normal(), 4, 'text')] : []),
  ]).flat();
}

test('where region, not irrelevant tokens, moves the answer both ways in many pairs, "uses" is said: up to the block that reads it', () => {
  const { uses, withheld, sets, difference, leftOut, regionOverIrrelevant } = summarisePairs(
    pairs(24, 'region'),
    500,
    1,
  );
  expect(uses).toEqual([false, true, true, true, false, false, false]);
  expect(withheld).toBeNull();
  expect(leftOut).toBe(0);
  expect(difference).toBeCloseTo(6, 0);
  expect(sets.find(({ set }) => set === 'region')!.sufficiency.mean[2]).toBeCloseTo(1, 5);
  expect(regionOverIrrelevant!.necessity.lower[2]).toBeGreaterThan(0.9);
  const last = sets.find(({ set }) => set === 'last')!;
  expect(Math.abs(last.sufficiency.mean[3]!)).toBeLessThan(0.05);
});

test('"uses" is withheld of few pairs, without region or negative control, and where irrelevant tokens do as much', () => {
  expect(summarisePairs(pairs(19, 'region'), 200, 1).withheld).toBe('too-few-pairs');
  const many = pairs(24, 'region');
  const bare = many.map(({ kind, reading }) => ({
    kind,
    reading: { ...reading, patches: reading.patches.filter(({ set }) => set !== 'region') },
  }));
  expect(summarisePairs(bare, 200, 1).withheld).toBe('no-region');
  const uncontrolled = many.filter(({ kind }) => kind === 'opposite');
  expect(summarisePairs(uncontrolled, 200, 1).withheld).toBe('no-negative-control');
  const { uses, withheld } = summarisePairs(pairs(24, 'irrelevant'), 200, 1);
  expect(uses).not.toContain(true);
  expect(withheld).toBe('intervals');
});

test('pairs that are answered alike have no R', () => {
  const alike = pair('opposite', 0.5, 4, 'region');
  expect(() => summarisePairs([alike], 200, 1)).toThrow(RangeError);
  const { opposite, leftOut } = summarisePairs([alike, ...pairs(3, 'region')], 200, 1);
  expect([opposite, leftOut]).toEqual([4, 1]);
});
