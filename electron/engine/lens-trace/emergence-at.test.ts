import { describe, expect, test } from 'vitest';
import type { Finding, LensTrace } from './lens-trace.ts';
import { emergenceAt } from './reading.ts';

/** Positions: text before the image, two of the image, the answer, a generated one. */
const trace: Pick<LensTrace, 'positions' | 'prompt'> = {
  positions: [0, 1, 2, 3, 4],
  prompt: { text: '', rendered: '', tokenIds: [1, 2, 2, 3], imageSpan: [1, 3], leaks: [] },
};
const counts = { attainableP: 0.02, numControls: 56, leftOut: [] };
const judged: Finding = { state: 'not-readable', layer: null, layers: [], tokenP: null, q: 1, ...counts };
const emergence = (
  imageControlLogOdds: number[] | null,
  layers = [null, 4, null, null, null] as (number | null)[],
) => ({
  ...{ maxRank: null, controlLogOdds: [0], imageControlLogOdds, layers },
});

describe('from which layer on, by position', () => {
  test('never is said only where it was asked: at the answer, and at the image where controls were read', () => {
    const concept = { emergence: emergence([0]), finding: judged };
    expect(trace.positions.map((_, index) => emergenceAt(trace, concept, index))).toEqual([
      ...['not-asked', 4, 'never', 'never', 'not-asked'],
    ]);
    const answerOnly = { emergence: emergence(null), finding: judged };
    expect(emergenceAt(trace, answerOnly, 2)).toBe('not-asked');
  });

  test('too few controls, or no word that tells a concept apart, is no never', () => {
    for (const finding of [
      { state: 'not-asked', ...counts, numControls: 6 },
      { state: 'not-identifiable', collisions: [] },
    ] satisfies Finding[])
      expect(emergenceAt(trace, { emergence: emergence([0]), finding }, 3)).toBe('not-asked');
  });

  test('traces of the first rule asked every position', () => {
    expect(emergenceAt(trace, { emergence: emergence(null) }, 0)).toBe('never');
  });
});
