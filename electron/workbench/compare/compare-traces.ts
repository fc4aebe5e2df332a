import { choiceOf } from '../models/find-lens.ts';
import type { Comparison, PairComparison } from '../../contract/traces/compare.ts';
import type { LensTrace } from '../../engine/lens-trace/lens-trace.ts';
import { emergenceAt } from '../../engine/lens-trace/reading.ts';
import { alignLayers } from './align-layers.ts';
import { approximateMethod, divergenceOf, exactMethod } from './divergence.ts';
import type { Bounded } from './divergence.ts';
import type { PositionReader } from './read-cells.ts';
import { findToppingTokens } from './topping-tokens.ts';

/** A trace with what the library knows of it. */
export interface ComparedTrace {
  readonly id: number;
  readonly imageId: number | null;
  readonly conceptSetId: string | null;
  readonly reader: PositionReader;
  /** The same position with every token kept; null when the stored tokens have to do. */
  readonly exact: PositionReader | null;
}

/** Compares the first trace with each other one, layer by layer. */
export function compareTraces(traces: readonly ComparedTrace[], topRank: number): Comparison {
  const first = traces[0]!;
  const pairs = traces.slice(1).map((other) => comparePair(first, other));
  const sameVocabulary = traces.every((other) => shareVocabulary(first.reader.trace, other.reader.trace));
  return {
    schema: 'fundus-lens.comparison/2',
    traces: traces.map((compared) => describe(compared, first)),
    pairs,
    toppingTokens: findToppingTokens(
      traces.map(({ reader }) => reader),
      topRank,
      sameVocabulary,
    ),
    warnings: describeWarnings(traces, pairs, sameVocabulary),
  };
}

function comparePair(a: ComparedTrace, b: ComparedTrace): PairComparison {
  const { alignment, layers } = alignLayers(a.reader.numLayers, b.reader.numLayers);
  const comparable = shareVocabulary(a.reader.trace, b.reader.trace);
  const exact = a.exact !== null && b.exact !== null;
  const left = exact ? a.exact : a.reader;
  const right = exact ? b.exact : b.reader;
  const rows = comparable
    ? layers.map(([ofA, ofB]) => divergenceOf(left.top(ofA), right.top(ofB), left.trace.model.tokenizerSize))
    : [];
  return {
    a: a.id,
    b: b.id,
    alignment,
    layers,
    comparable,
    exact: exact && comparable,
    method: exact ? exactMethod : approximateMethod,
    jensenShannon: toCurve(rows.map(({ jensenShannon }) => jensenShannon)),
    totalVariation: toCurve(rows.map(({ totalVariation }) => totalVariation)),
    tailMass: rows.map(({ tailMass }) => tailMass),
    concepts: compareConcepts(a.reader, b.reader, layers, alignment),
  };
}

function compareConcepts(
  a: PositionReader,
  b: PositionReader,
  layers: readonly (readonly [number, number])[],
  alignment: PairComparison['alignment'],
): PairComparison['concepts'] {
  return a.trace.concepts.flatMap((ofA) => {
    const ofB = b.trace.concepts.find(({ id }) => id === ofA.id);
    if (ofB === undefined) return [];
    const from = emergenceAt(a.trace, ofA, a.cell(0));
    const to = emergenceAt(b.trace, ofB, b.cell(0));
    const countable = typeof from === 'number' && typeof to === 'number' && alignment === 'index';
    return {
      id: ofA.id,
      label: ofA.label,
      role: ofA.role,
      logProbDifference: layers.map(([la, lb]) => ofB.logProb[b.cell(lb)]! - ofA.logProb[a.cell(la)]!),
      rankDifference: layers.map(([la, lb]) => ofB.rank[b.cell(lb)]! - ofA.rank[a.cell(la)]!),
      emergence: [from, to] as [typeof from, typeof to],
      emergenceDifference: countable ? to - from : null,
    };
  });
}

/** Ids mean the same tokens: one model, or vocabularies of one size that agree wherever both traces show a text. */
export function shareVocabulary(a: LensTrace, b: LensTrace): boolean {
  if (a.model.sha256 === b.model.sha256) return true;
  if (a.model.tokenizerSize !== b.model.tokenizerSize) return false;
  return Object.entries(a.tokenTexts).every(([id, text]) => (b.tokenTexts[Number(id)] ?? text) === text);
}

function toCurve(rows: readonly Bounded[]) {
  return {
    value: rows.map(({ value }) => value),
    lower: rows.map(({ lower }) => lower),
    upper: rows.map(({ upper }) => upper),
  };
}

function describe(compared: ComparedTrace, first: ComparedTrace): Comparison['traces'][number] {
  const { trace, position, numLayers } = compared.reader;
  const other = first.reader.trace;
  const differs: Comparison['traces'][number]['differs'] = [];
  if (trace.image?.sha256 !== other.image?.sha256) differs.push('image');
  if (trace.model.sha256 !== other.model.sha256) differs.push('model');
  if (trace.prompt.text !== other.prompt.text) differs.push('prompt');
  if (choiceOf(trace) !== choiceOf(other)) differs.push('lens');
  if (compared.conceptSetId !== first.conceptSetId) differs.push('concept-set');
  if (trace.model.provider !== other.model.provider) differs.push('provider');
  if (!isSamePlace(compared.reader, first.reader)) differs.push('position');
  return {
    id: compared.id,
    imageId: compared.imageId,
    modelName: trace.model.id,
    promptText: trace.prompt.text,
    numLayers,
    position,
    differs,
  };
}

/** Images of other sizes move the words after them; the last position of both prompts is one place. */
function isSamePlace(a: PositionReader, b: PositionReader): boolean {
  const fromEnd = ({ trace, position }: PositionReader) => trace.prompt.tokenIds.length - position;
  return a.position === b.position || fromEnd(a) === fromEnd(b);
}

function describeWarnings(
  traces: readonly ComparedTrace[],
  pairs: readonly PairComparison[],
  sameVocabulary: boolean,
): string[] {
  const warnings: string[] = [];
  if (pairs.some(({ alignment }) => alignment === 'relative-depth')) {
    warnings.push(
      'The models have different numbers of layers; layers are laid over each other by relative depth.',
    );
  }
  if (!sameVocabulary) {
    warnings.push('The vocabularies differ: divergences are left out, and tokens are matched by their text.');
  }
  if (new Set(traces.map(({ reader }) => choiceOf(reader.trace))).size > 1) {
    warnings.push('The traces were read with different lenses; their numbers measure different things.');
  }
  if (new Set(traces.map(({ reader }) => reader.trace.prompt.text)).size > 1) {
    warnings.push(
      'The prompts differ, so that a difference may come from the question and not from the image.',
    );
  }
  return warnings;
}
