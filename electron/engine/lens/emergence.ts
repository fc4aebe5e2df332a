import type { Emergence } from '../../common/lens-trace.ts';

export interface EmergenceInput {
  /** int32 [N, P], 1 = top; row 0 is the input to block 0. */
  readonly ranks: Int32Array;
  /** float32 [N, P], nats. */
  readonly logProbs: Float32Array;
  /** N = L + 1 */
  readonly numLayers: number;
  /** P */
  readonly numPositions: number;
  /** Largest rank that counts as readable. */
  readonly maxRank?: number;
  /** [N]: 95th percentile of the log-odds over the control images, by layer; null until controls are traced. */
  readonly controlLogOdds: readonly number[] | null;
}

/** Largest rank at which a concept counts as readable, unless the study says otherwise. */
const defaultMaxRank = 10;

/**
 * Finds the layer from which on a concept is readable: the smallest l in 1…L such that at l and at every later
 * layer its rank is at most `maxRank` and, when controls are given, its log-odds exceed theirs.
 *
 * @returns by position the layer, or null for "never", which is a result
 * @throws RangeError when an array does not have the stated shape
 */
export function findEmergence(input: EmergenceInput): Emergence {
  const { ranks, logProbs, numLayers, numPositions, maxRank = defaultMaxRank, controlLogOdds } = input;
  const size = numLayers * numPositions;
  if (ranks.length !== size || logProbs.length !== size) {
    throw new RangeError(
      `${ranks.length} ranks and ${logProbs.length} log-probabilities are not [${numLayers}, ${numPositions}]`,
    );
  }
  if (controlLogOdds !== null && controlLogOdds.length !== numLayers) {
    throw new RangeError(
      `${controlLogOdds.length} control values are not one for each of ${numLayers} layers`,
    );
  }
  const isReadable = (layer: number, position: number) => {
    const cell = layer * numPositions + position;
    if (ranks[cell]! > maxRank) return false;
    return controlLogOdds === null || logOdds(logProbs[cell]!) > controlLogOdds[layer]!;
  };
  const layers = Array.from({ length: numPositions }, (_, position) => {
    let first: number | null = null;
    for (let layer = numLayers - 1; layer >= 1 && isReadable(layer, position); layer--) first = layer;
    return first;
  });
  return { maxRank, controlLogOdds: controlLogOdds === null ? null : [...controlLogOdds], layers };
}

/** ln(p / (1 − p)) of a log-probability in nats, accurate near p = 0 and p = 1. */
export function logOdds(logProb: number): number {
  if (logProb >= 0) return Infinity;
  return logProb - Math.log(-Math.expm1(logProb));
}
