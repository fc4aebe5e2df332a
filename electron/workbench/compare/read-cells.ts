import { FundusLensError } from '../../contract/errors.ts';
import type { LensTrace } from '../../engine/lens-trace/lens-trace.ts';
import type { TopTokens } from './divergence.ts';

/** One position of a trace, all its layers. */
export interface PositionReader {
  readonly trace: LensTrace;
  /** In the merged sequence. */
  readonly position: number;
  /** N = L + 1 */
  readonly numLayers: number;
  /** Index of the cell in arrays of shape [N, P]. */
  cell(layer: number): number;
  top(layer: number): TopTokens;
}

/**
 * @param position of the merged sequence; the last traced one when undefined
 * @throws FundusLensError `trace.positions` when it was not traced
 */
export function readPosition(trace: LensTrace, position: number | undefined): PositionReader {
  const column = position === undefined ? trace.positions.length - 1 : trace.positions.indexOf(position);
  const found = trace.positions[column];
  if (found === undefined) {
    throw new FundusLensError('trace.positions', 'This position was not traced.', {
      expected: summarise(trace.positions),
      found: String(position),
      advice: 'Choose a traced position, or trace the image again with more positions.',
    });
  }
  const cell = (layer: number) => layer * trace.positions.length + column;
  return {
    trace,
    position: found,
    numLayers: trace.layers.length,
    cell,
    top: (layer) => {
      const start = cell(layer) * trace.topK;
      return {
        ids: trace.cells.topIds.subarray(start, start + trace.topK),
        logProbs: trace.cells.topLogProbs.subarray(start, start + trace.topK),
      };
    },
  };
}

function summarise(positions: readonly number[]): string {
  const shown = positions.slice(0, 8).join(', ');
  return positions.length > 8 ? `${shown} … ${positions.at(-1) ?? ''}` : shown;
}
