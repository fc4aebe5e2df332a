import { findSubject } from '../../engine/lens-trace/concept-set.ts';
import type { LensTrace } from '../../engine/lens-trace/lens-trace.ts';

/** The curve of the i-th largest probability, as the notebook draws it. */
export interface RankCurve {
  /** 1-based. */
  readonly rank: number;
  /** The token of this rank at the last layer, of most photographs. */
  readonly label: string;
  /** Photographs whose label that is. */
  readonly numLabelled: number;
  /** By layer 0…L: mean of the i-th largest probability over the photographs. */
  readonly probabilities: readonly number[];
  /** By layer 0…L: photographs in which the token there is the one that the curve is labelled with. */
  readonly numOfLabel: readonly number[];
}

/** The token that leads at a layer in most photographs. */
export interface LeadingToken {
  readonly layer: number;
  readonly text: string;
  /** Photographs in which it leads. */
  readonly count: number;
  /** Mean probability of the leading token over all photographs, whichever it is. */
  readonly meanProbability: number;
}

/** What became of the concept that the first question is asked of. */
export interface SubjectCount {
  readonly label: { readonly en: string; readonly ru: string };
  readonly numReadable: number;
  readonly numNotReadable: number;
  /** Not asked, or not identifiable in this vocabulary. */
  readonly numOpen: number;
  /** Layers from which on it is readable, ascending, one a photograph. */
  readonly layers: readonly number[];
  /** Fewest controls that any photograph was compared with. */
  readonly numControls: number | null;
}

/**
 * The notebook's curves.
 *
 * @param traces of one model and prompt, each with top K at its last position
 * @throws RangeError without traces, or when their numbers of layers differ
 */
export function rankCurves(traces: readonly LensTrace[], numRanks: number): RankCurve[] {
  const numLayers = checkLayers(traces);
  return Array.from({ length: numRanks }, (_, place) => {
    const labels = traces.map((trace) => topAt(trace, numLayers - 1)[place]!.id);
    const [id, numLabelled] = mostFrequent(labels);
    const layers = Array.from({ length: numLayers }, (_, layer) =>
      traces.map((trace) => topAt(trace, layer)[place]!),
    );
    return {
      rank: place + 1,
      label: traces[labels.indexOf(id)]!.tokenTexts[id] ?? '',
      numLabelled,
      probabilities: layers.map((cells) => mean(cells.map(({ probability }) => probability))),
      numOfLabel: layers.map((cells) => cells.filter((cell, image) => cell.id === labels[image]).length),
    };
  });
}

/** The leading token of every layer. @throws RangeError as {@link rankCurves} */
export function leadingTokens(traces: readonly LensTrace[]): LeadingToken[] {
  return Array.from({ length: checkLayers(traces) }, (_, layer) => {
    const leading = traces.map((trace) => topAt(trace, layer)[0]!);
    const [id, count] = mostFrequent(leading.map((cell) => cell.id));
    const image = leading.findIndex((cell) => cell.id === id);
    return {
      layer: traces[0]!.layers[layer]!,
      text: traces[image]!.tokenTexts[id] ?? '',
      count,
      meanProbability: mean(leading.map(({ probability }) => probability)),
    };
  });
}

/** @returns null when the concept set names no subject, or the traces are from before concepts were judged */
export function countSubject(traces: readonly LensTrace[]): SubjectCount | null {
  const subject = findSubject(traces[0]!);
  const concepts = traces.flatMap((trace) => trace.concepts.filter(({ id }) => id === subject));
  const findings = concepts.flatMap(({ finding }) => finding ?? []);
  if (findings.length === 0) return null;
  const layers = findings.flatMap((finding) => (finding.state === 'readable' ? (finding.layer ?? []) : []));
  const controls = findings.flatMap((finding) => ('numControls' in finding ? finding.numControls : []));
  return {
    label: concepts[0]!.label,
    numReadable: layers.length,
    numNotReadable: findings.filter(({ state }) => state === 'not-readable').length,
    numOpen: findings.filter(({ state }) => state === 'not-asked' || state === 'not-identifiable').length,
    layers: layers.sort((a, b) => a - b),
    numControls: controls.length === 0 ? null : Math.min(...controls),
  };
}

/** Top tokens of a layer at the last position of the prompt, which is the only one that the experiment reads. */
function topAt({ cells, topK, positions }: LensTrace, layer: number) {
  const cell = layer * positions.length + positions.length - 1;
  return Array.from({ length: topK }, (_, place) => ({
    id: cells.topIds[cell * topK + place]!,
    probability: Math.exp(cells.topLogProbs[cell * topK + place]!),
  }));
}

function checkLayers(traces: readonly LensTrace[]): number {
  const [first] = traces;
  if (first === undefined) throw new RangeError('no traces');
  if (traces.some(({ layers }) => layers.length !== first.layers.length))
    throw new RangeError('traces of models of different depths');
  return first.layers.length;
}

/** @returns the value and how often it occurs; the first of equals */
function mostFrequent(values: readonly number[]): readonly [value: number, count: number] {
  const counts = new Map<number, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return [...counts].reduce((best, entry) => (entry[1] > best[1] ? entry : best));
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
