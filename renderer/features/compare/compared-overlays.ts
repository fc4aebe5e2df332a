import type { LensTrace } from '../../../electron/engine/lens-trace/lens-trace.ts';
import { alignedLayer } from '../../charts/figures/compare-curves.ts';
import {
  buildOverlay,
  highestLogProb,
  overlayLogProbs,
} from '../../../electron/engine/lens-trace/overlay/overlay-series.ts';
import type {
  OverlayMode,
  OverlaySeries,
} from '../../../electron/engine/lens-trace/overlay/overlay-series.ts';
import { imageLayout } from '../../reading/reading.ts';
import type { ImageLayout } from '../../reading/reading.ts';

/** What lies on the photographs of a comparison; a difference is one to the first trace. */
export const comparedModes = ['off', 'concept', 'top-token', 'difference'] as const;
export type ComparedMode = OverlayMode | 'difference';

/** Why a photograph carries no colours. */
export type NoOverlay = 'not-read' | 'no-concept' | 'reference' | 'other-grid' | 'no-reference';

export interface ComparedOverlay {
  readonly series: OverlaySeries | null;
  /** null where there are colours, or where none are wanted. */
  readonly missing: NoOverlay | null;
}

export interface ComparedChoice {
  readonly mode: ComparedMode;
  readonly conceptId: string;
  readonly logarithmic: boolean;
  /** One scale for all traces; otherwise each trace has its own. */
  readonly shared: boolean;
}

/**
 * The overlays of compared traces, one a trace, in their order.
 *
 * A concept that a trace was not asked about is left out, never replaced by another one. Differences are taken image
 * token by image token; the photographs are not registered to each other.
 */
export function comparedOverlays(
  traces: readonly LensTrace[],
  { mode, conceptId, logarithmic, shared }: ComparedChoice,
): ComparedOverlay[] {
  if (mode === 'off') return traces.map(() => ({ series: null, missing: null }));
  const readings = traces.map((trace) => ({
    trace,
    layout: imageLayout(trace),
    conceptIndex: trace.concepts.findIndex(({ id }) => id === conceptId),
  }));
  if (mode === 'difference') return differences(readings, logarithmic);
  const usable = readings.map(({ trace, layout, conceptIndex }) =>
    layout === null || (mode === 'concept' && conceptIndex < 0) ? null : { trace, layout, conceptIndex },
  );
  const highest = Math.max(
    ...usable.map((entry) =>
      entry === null
        ? Number.NEGATIVE_INFINITY
        : highestLogProb(entry.trace, entry.layout, { mode, conceptIndex: entry.conceptIndex }),
    ),
  );
  return usable.map((entry, index) =>
    entry === null
      ? { series: null, missing: readings[index]!.layout === null ? 'not-read' : 'no-concept' }
      : {
          missing: null,
          series: buildOverlay(entry.trace, entry.layout, {
            mode,
            conceptIndex: entry.conceptIndex,
            logarithmic,
            ...(shared && Number.isFinite(highest) ? { highest } : {}),
          }),
        },
  );
}

interface Reading {
  readonly trace: LensTrace;
  readonly layout: ImageLayout | null;
  readonly conceptIndex: number;
}

/** Each trace minus the first: of probabilities, or of log-probabilities (nats); one symmetric scale for all. */
function differences(readings: readonly Reading[], logarithmic: boolean): ComparedOverlay[] {
  const [reference] = readings;
  const compared = readings.map((reading, index) => {
    const missing = whyNoDifference(reading, reference!, index === 0);
    return missing === null
      ? { missing, layout: reading.layout!, at: differenceOf(reading, reference!, logarithmic), reading }
      : { missing };
  });
  let limit = 0;
  for (const entry of compared) {
    if (entry.missing !== null) continue;
    forEachCell(entry.reading, (layer, cell) => {
      limit = Math.max(limit, Math.abs(entry.at(layer, cell)));
    });
  }
  return compared.map((entry) => {
    if (entry.missing !== null) return { series: null, missing: entry.missing };
    const { layout, at, reading } = entry;
    const numLayers = reading.trace.layers.length;
    const levels = new Uint8Array(numLayers * layout.cells.length);
    forEachCell(reading, (layer, cell) => {
      const share = limit === 0 ? 0.5 : 0.5 + at(layer, cell) / (2 * limit);
      levels[layer * layout.cells.length + cell] = Math.round(255 * share);
    });
    const noSinks = new Uint8Array(layout.cells.length);
    const series: OverlaySeries = {
      layout,
      numLayers,
      levels,
      domain: [-limit, limit],
      logarithmic,
      textAt: null,
      probabilityAt: at,
      sinksAt: () => noSinks,
    };
    return { series, missing: null };
  });
}

function whyNoDifference(reading: Reading, reference: Reading, isReference: boolean): NoOverlay | null {
  if (reading.layout === null) return 'not-read';
  if (reading.conceptIndex < 0) return 'no-concept';
  if (isReference) return 'reference';
  if (reference.layout === null || reference.conceptIndex < 0) return 'no-reference';
  const { columns, rows } = reference.layout;
  return columns === reading.layout.columns && rows === reading.layout.rows ? null : 'other-grid';
}

/** 0 where either trace did not read the token. */
function differenceOf(reading: Reading, reference: Reading, logarithmic: boolean) {
  const choice = (conceptIndex: number) => ({ mode: 'concept', conceptIndex }) as const;
  const here = overlayLogProbs(reading.trace, reading.layout!, choice(reading.conceptIndex));
  const there = overlayLogProbs(reference.trace, reference.layout!, choice(reference.conceptIndex));
  const numLayers = reading.trace.layers.length;
  return (layer: number, cell: number): number => {
    const a = there(alignedLayer(layer, numLayers, reference.trace.layers.length), cell);
    const b = here(layer, cell);
    if (!Number.isFinite(a) || !Number.isFinite(b)) return 0;
    return logarithmic ? b - a : Math.exp(b) - Math.exp(a);
  };
}

function forEachCell({ trace, layout }: Reading, visit: (layer: number, cell: number) => void): void {
  for (let layer = 0; layer < trace.layers.length; layer++) {
    for (let cell = 0; cell < layout!.cells.length; cell++) visit(layer, cell);
  }
}
