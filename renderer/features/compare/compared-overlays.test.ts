import { expect, test } from 'vitest';
import type { LensTrace } from '../../../electron/engine/lens-trace/lens-trace.ts';
import { sampleTrace } from '../../charts/figures/sample-trace.test-data.ts';
import { comparedOverlays } from './compared-overlays.ts';

const first = sampleTrace();
const choice = { mode: 'concept', conceptId: 'eye', logarithmic: false, shared: true } as const;

/** The sample with every probability of its concepts multiplied. */
function times(factor: number): LensTrace {
  const trace = sampleTrace();
  for (const { logProb } of trace.concepts)
    logProb.forEach((value, at) => (logProb[at] = value + Math.log(factor)));
  return trace;
}

test('on a shared scale equal colours are equal probabilities; on own scales they are not', () => {
  const weak = times(0.1);
  const shared = comparedOverlays([first, weak], choice).map(({ series }) => series!);
  expect(shared.map(({ domain }) => domain[1].toFixed(3))).toEqual(['0.250', '0.250']);
  expect(shared.map(({ levels }) => levels.at(-1))).toEqual([255, 25]);
  const own = comparedOverlays([first, weak], { ...choice, shared: false }).map(({ series }) => series!);
  expect(own.map(({ domain }) => domain[1].toFixed(3))).toEqual(['0.250', '0.025']);
  expect(own.map(({ levels }) => levels.at(-1))).toEqual([255, 255]);
});

test('a concept that a trace was not asked about is left out, not replaced', () => {
  const other = { ...first, concepts: first.concepts.filter(({ id }) => id !== 'eye') };
  expect(comparedOverlays([first, other], choice)[1]).toEqual({ series: null, missing: 'no-concept' });
});

test('a difference is signed, symmetric about its neutral colour, and only between equal grids', () => {
  const [reference, less] = comparedOverlays([first, times(0.5)], { ...choice, mode: 'difference' });
  expect(reference).toEqual({ series: null, missing: 'reference' });
  expect(less!.series!.domain.map((value) => value.toFixed(3))).toEqual(['-0.125', '0.125']);
  expect(less!.series!.levels.at(-1)).toBe(0);
  const [, same] = comparedOverlays([first, sampleTrace()], { ...choice, mode: 'difference' });
  expect(new Set(same!.series!.levels)).toEqual(new Set([128]));
  const nats = comparedOverlays([first, times(0.5)], { ...choice, mode: 'difference', logarithmic: true });
  expect(nats[1]!.series!.probabilityAt(0, 0)).toBeCloseTo(-Math.log(2));
  const image = { ...first.image!, grid: [1, 6, 4] as [number, number, number] };
  const [, other] = comparedOverlays([first, { ...first, image }], { ...choice, mode: 'difference' });
  expect(other).toEqual({ series: null, missing: 'other-grid' });
});
