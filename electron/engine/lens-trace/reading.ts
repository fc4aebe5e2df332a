import { isImagePosition } from './image-tokens.ts';
import type { ConceptTrace, LensTrace } from './lens-trace.ts';

/** Index into `trace.positions` of the last traced position of the prompt, where the answer begins; else the last of all. */
export function answerIndex({ positions, prompt }: Pick<LensTrace, 'positions' | 'prompt'>): number {
  const found = positions.findLastIndex((position) => position < prompt.tokenIds.length);
  return found >= 0 ? found : positions.length - 1;
}

/**
 * From which layer on a concept is readable at a position.
 *
 * @returns the layer; `never` where it was asked; `not-asked` where it was not, which says nothing about the model: too few
 *   controls, no word that tells it apart, or a position that is compared with nothing
 */
export function emergenceAt(
  trace: Pick<LensTrace, 'positions' | 'prompt'>,
  { emergence, finding }: Pick<ConceptTrace, 'emergence' | 'finding'>,
  positionIndex: number,
): number | 'never' | 'not-asked' {
  const layer = emergence.layers[positionIndex] ?? null;
  if (layer !== null) return layer;
  // Traces from before concepts were judged by whole words asked every position, by a rank.
  if (finding === undefined) return 'never';
  if (positionIndex === answerIndex(trace)) return finding.state === 'not-readable' ? 'never' : 'not-asked';
  const isOfImage = isImagePosition(trace.prompt, trace.positions[positionIndex] ?? -1);
  return isOfImage && emergence.imageControlLogOdds !== null ? 'never' : 'not-asked';
}

/** One value per layer of a [N, P] array. */
export function layerCurve(trace: LensTrace, values: Float32Array, positionIndex: number): number[] {
  const stride = trace.positions.length;
  return trace.layers.map((_, layer) => values[layer * stride + positionIndex]!);
}

/**
 * Early layers, which are hard to read: those before the divergence from the last layer first falls below half of its
 * largest value. A word that is missing there is no sign that the knowledge is missing.
 *
 * @returns how many leading entries of `trace.layers` are early, 0…N
 */
export function countEarlyLayers(trace: LensTrace, positionIndex: number): number {
  const divergence = layerCurve(trace, trace.cells.klToFinal, positionIndex);
  const half = Math.max(...divergence) / 2;
  if (!(half > 0)) return 0;
  const first = divergence.findIndex((value) => value < half);
  return first < 0 ? divergence.length : first;
}

/**
 * The residual norm above which an image token is taken for a sink: mean + 2 σ over the image's tokens at one layer. Sinks
 * gather attention, and what can be read there says little about the place on the photograph.
 *
 * @param norms of the image's tokens; at least one
 */
export function sinkLimit(norms: ArrayLike<number>): number {
  let sum = 0;
  let squares = 0;
  for (let index = 0; index < norms.length; index++) {
    sum += norms[index]!;
    squares += norms[index]! ** 2;
  }
  const mean = sum / norms.length;
  return mean + 2 * Math.sqrt(Math.max(0, squares / norms.length - mean * mean));
}
