import type { Emergence } from '../lens-trace/lens-trace.ts';

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
  /** [N]: 95th percentile of the log-odds over the controls, by layer; null when there are none. */
  readonly controlLogOdds: readonly number[] | null;
  /** The same for positions of the image. */
  readonly imageControlLogOdds?: readonly number[] | null;
  /** By position 0…P−1, whether it is one of the image; none by default. */
  readonly isImage?: readonly boolean[];
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
  const { imageControlLogOdds = null, isImage } = input;
  const size = numLayers * numPositions;
  if (ranks.length !== size || logProbs.length !== size) {
    throw new RangeError(
      `${ranks.length} ranks and ${logProbs.length} log-probabilities are not [${numLayers}, ${numPositions}]`,
    );
  }
  for (const values of [controlLogOdds, imageControlLogOdds]) {
    if (values === null || values.length === numLayers) continue;
    throw new RangeError(`${values.length} control values are not one for each of ${numLayers} layers`);
  }
  const isReadable = (layer: number, position: number) => {
    const cell = layer * numPositions + position;
    if (ranks[cell]! > maxRank) return false;
    const controls = isImage?.[position] === true ? imageControlLogOdds : controlLogOdds;
    return controls === null || logOdds(logProbs[cell]!) > controls[layer]!;
  };
  const layers = Array.from({ length: numPositions }, (_, position) => {
    let first: number | null = null;
    for (let layer = numLayers - 1; layer >= 1 && isReadable(layer, position); layer--) first = layer;
    return first;
  });
  const copy = (values: readonly number[] | null) => (values === null ? null : [...values]);
  return {
    maxRank,
    controlLogOdds: copy(controlLogOdds),
    imageControlLogOdds: copy(imageControlLogOdds),
    layers,
  };
}

/** ln(p / (1 − p)) of a log-probability in nats, accurate near p = 0 and p = 1. */
export function logOdds(logProb: number): number {
  if (logProb >= 0) return Infinity;
  return logProb - Math.log(-Math.expm1(logProb));
}
