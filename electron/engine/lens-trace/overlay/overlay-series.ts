import type { LensTrace } from '../lens-trace.ts';
import { sinkMask } from './image-layout.ts';
import type { ImageLayout } from './image-layout.ts';
import { showToken } from './top-cells.ts';

export const overlayModes = ['off', 'concept', 'top-token'] as const;
export type OverlayMode = (typeof overlayModes)[number];

/** Log-probability that takes the lowest colour of a logarithmic scale: p = 10⁻⁶. */
const logFloor = Math.log(1e-6);

/** One quantity on the photograph, for every layer at once, so that scrubbing is a look-up. */
export interface OverlaySeries {
  readonly layout: ImageLayout;
  readonly numLayers: number;
  /** uint8 [N, cells]: place on the colour scale, the same scale for all layers. */
  readonly levels: Uint8Array;
  /** Probabilities at the two ends of the scale. */
  readonly domain: readonly [low: number, high: number];
  readonly logarithmic: boolean;
  /** Text of a cell; null where cells have none. */
  readonly textAt: ((layerIndex: number, cell: number) => string) | null;
  readonly probabilityAt: (layerIndex: number, cell: number) => number;
  readonly sinksAt: (layerIndex: number) => Uint8Array;
}

export interface OverlayChoice {
  readonly mode: Exclude<OverlayMode, 'off'>;
  /** Read when the mode is `concept`. */
  readonly conceptIndex: number;
  readonly logarithmic: boolean;
  /** Log-probability, nats, that takes the highest colour; the highest of this trace where it is absent. */
  readonly highest?: number;
}

/**
 * The log-probabilities that an overlay shows.
 *
 * @returns nats by layer index and cell; −∞ where the trace did not read the cell
 */
export function overlayLogProbs(
  trace: LensTrace,
  layout: ImageLayout,
  { mode, conceptIndex }: Pick<OverlayChoice, 'mode' | 'conceptIndex'>,
): (layerIndex: number, cell: number) => number {
  const stride = trace.positions.length;
  const concept = mode === 'concept' ? trace.concepts[conceptIndex] : undefined;
  return (layer, cell) => {
    const index = layout.cells[cell]!;
    if (index < 0) return Number.NEGATIVE_INFINITY;
    const place = layer * stride + index;
    return concept === undefined ? trace.cells.topLogProbs[place * trace.topK]! : concept.logProb[place]!;
  };
}

/** The highest log-probability, nats, of an overlay over all layers; −∞ where no cell was read. */
export function highestLogProb(
  trace: LensTrace,
  layout: ImageLayout,
  choice: Pick<OverlayChoice, 'mode' | 'conceptIndex'>,
): number {
  const logProbAt = overlayLogProbs(trace, layout, choice);
  let highest = Number.NEGATIVE_INFINITY;
  for (let layer = 0; layer < trace.layers.length; layer++) {
    for (let cell = 0; cell < layout.cells.length; cell++)
      highest = Math.max(highest, logProbAt(layer, cell));
  }
  return highest;
}

/** Prepares the overlay of a trace; the work is done here, once, and not while somebody scrubs. */
export function buildOverlay(trace: LensTrace, layout: ImageLayout, choice: OverlayChoice): OverlaySeries {
  const numLayers = trace.layers.length;
  const stride = trace.positions.length;
  const logProbAt = overlayLogProbs(trace, layout, choice);
  const highest = choice.highest ?? highestLogProb(trace, layout, choice);
  const high = Number.isFinite(highest) ? Math.exp(highest) : 1;
  const levels = new Uint8Array(numLayers * layout.cells.length);
  const span = Math.max(1e-6, highest - logFloor);
  for (let layer = 0; layer < numLayers; layer++) {
    for (let cell = 0; cell < layout.cells.length; cell++) {
      const logProb = logProbAt(layer, cell);
      const share = choice.logarithmic ? (logProb - logFloor) / span : Math.exp(logProb) / high;
      levels[layer * layout.cells.length + cell] = Math.round(255 * Math.min(1, Math.max(0, share)));
    }
  }
  const sinks: (Uint8Array | undefined)[] = [];
  return {
    layout,
    numLayers,
    levels,
    domain: [choice.logarithmic ? Math.exp(logFloor) : 0, high],
    logarithmic: choice.logarithmic,
    textAt:
      choice.mode === 'top-token'
        ? (layer, cell) => {
            const index = layout.cells[cell]!;
            const id = trace.cells.topIds[(layer * stride + index) * trace.topK]!;
            return index < 0 ? '' : showToken(trace.tokenTexts[id] ?? '');
          }
        : null,
    probabilityAt: (layer, cell) => Math.exp(logProbAt(layer, cell)),
    sinksAt: (layer) => (sinks[layer] ??= sinkMask(trace, layer, layout)),
  };
}
