import type { ControlReading } from './control-reading.ts';
import type { Emergence, Finding, WordCurve } from '../lens-trace/lens-trace.ts';
import { logOddsOf } from '../readability/statistics/log-probability.ts';
import { clipToFloor, readabilityRule } from '../readability/rule.ts';
import type { WordScore } from '../readability/words/word-scores.ts';
import { findImageEmergence, listLeftOut } from './judge-concepts.ts';
import type { WordSet } from './word-set.ts';

/** By concept, float32 [N, P]: ln of the probability of the first tokens that tell it apart; null where it has none. */
export type TellingTokens = readonly (Float32Array | null)[];

/**
 * The sets of first tokens that tell a concept apart by themselves: by them positions of the image are read, where nothing
 * goes on.
 */
export function tellingSets({ concepts }: WordSet): readonly (readonly number[])[] {
  return concepts.flatMap(({ firstTokens }) => (firstTokens.length > 0 ? [firstTokens] : []));
}

/** @param logProbs of each of the {@link tellingSets}, float32 [N, P] */
export function byConcept({ concepts }: WordSet, logProbs: readonly Float32Array[]): TellingTokens {
  let next = 0;
  return concepts.map(({ firstTokens }) => (firstTokens.length > 0 ? (logProbs[next++] ?? null) : null));
}

interface Circumstances {
  readonly words: WordSet;
  readonly controls: readonly ControlReading[];
  /** Of the trace, in its order. */
  readonly positions: readonly number[];
  /** The position at which the answer begins. */
  readonly answer: number;
  /** Places of image positions among the trace's. */
  readonly imageColumns: readonly number[];
  readonly telling: TellingTokens;
}

/**
 * From which layer on a concept is readable, position by position, like compared with like: the answer by its finding,
 * positions of the image by the controls' images; nothing else is asked, and nothing before the image ever.
 */
export function findEmergences(
  index: number,
  finding: Finding,
  { words, controls, positions, answer, imageColumns, telling }: Circumstances,
): Emergence {
  const { owners } = words.concepts[index]!;
  const leftOut = listLeftOut(owners, controls);
  const compared = controls.filter((_, place) => !leftOut.includes(place));
  const cells = compared.flatMap((control) => (control.cells === null ? [] : [control.cells[index]!]));
  const own = telling[index] ?? null;
  const layers = positions.map((position) =>
    position === answer && 'layer' in finding ? finding.layer : null,
  );
  imageColumns.forEach((column) => {
    if (own === null) return;
    const numLayers = own.length / positions.length;
    const curve = Array.from({ length: numLayers }, (_, layer) => {
      const logProb = own[layer * positions.length + column]!;
      return logOddsOf(Math.min(logProb, largestLogProb));
    });
    layers[column] = findImageEmergence(curve, cells);
  });
  return {
    rule: readabilityRule.id,
    maxRank: null,
    controlLogOdds: highest(compared.map((control) => control.answer[index]!)),
    imageControlLogOdds: own === null ? null : highest(cells),
    layers,
  };
}

/** The largest float32 below ln 1, as the controls' cells have it. */
const largestLogProb = -(2 ** -24);

export function toCurve({ upperLogProb, logProb, logComplement, numBounded }: WordScore): WordCurve {
  return {
    // −∞ has no place in JSON; nothing that a float32 softmax gives is as small.
    logProb: Float32Array.from(upperLogProb, (value) => Math.max(value, leastLogProb)),
    logOdds: Float32Array.from(logProb, (value, layer) => clipToFloor(value - logComplement[layer]!)),
    numBounded,
  };
}

const leastLogProb = -1e4;

/** By layer, the highest of the curves, as the rule compares them; null of none. */
function highest(curves: readonly Float32Array[]): number[] | null {
  if (curves.length === 0) return null;
  return Array.from(curves[0]!, (_, layer) => Math.max(...curves.map((curve) => clipToFloor(curve[layer]!))));
}
