import { isImagePosition } from '../../electron/engine/lens-trace/image-tokens.ts';
import type { LensTrace } from '../../electron/engine/lens-trace/lens-trace.ts';
import type { ImageLayout } from '../../electron/engine/lens-trace/overlay/image-layout.ts';
import { topCells } from '../../electron/engine/lens-trace/overlay/top-cells.ts';

export { imageLayout, sinkMask } from '../../electron/engine/lens-trace/overlay/image-layout.ts';
export type { ImageLayout } from '../../electron/engine/lens-trace/overlay/image-layout.ts';
export { showToken, topCells } from '../../electron/engine/lens-trace/overlay/top-cells.ts';
export { answerIndex, countEarlyLayers, layerCurve } from '../../electron/engine/lens-trace/reading.ts';

/** How a concept's curve is read. */
export const curveScales = ['probability', 'log-probability', 'rank'] as const;
export type CurveScale = (typeof curveScales)[number];

export function positionKind(
  trace: LensTrace,
  positionIndex: number,
): 'image' | 'answer' | 'generated' | 'prompt' {
  const position = trace.positions[positionIndex]!;
  const { tokenIds } = trace.prompt;
  if (isImagePosition(trace.prompt, position)) return 'image';
  if (position === tokenIds.length - 1) return 'answer';
  return position >= tokenIds.length ? 'generated' : 'prompt';
}

/** A concept's reading at one position, by layer. */
export function conceptCurve(
  trace: LensTrace,
  conceptIndex: number,
  positionIndex: number,
  scale: CurveScale,
): number[] {
  const concept = trace.concepts[conceptIndex]!;
  const stride = trace.positions.length;
  return trace.layers.map((_, layer) => {
    const cell = layer * stride + positionIndex;
    if (scale === 'rank') return concept.rank[cell]!;
    return scale === 'probability' ? Math.exp(concept.logProb[cell]!) : concept.logProb[cell]!;
  });
}

export interface TrackedToken {
  readonly tokenId: number;
  readonly text: string;
  /** By layer; null where the token is not among the kept ones. */
  readonly probability: (number | null)[];
  readonly rank: (number | null)[];
  readonly topsLayers: number[];
}

/** Tokens that top any layer at a position, followed through all layers, in the order of first appearance. */
export function toppingTokens(trace: LensTrace, positionIndex: number): TrackedToken[] {
  const byLayer = trace.layers.map((_, layer) => topCells(trace, layer, positionIndex));
  const ids = [...new Set(byLayer.map((cells) => cells[0]!.tokenId))];
  return ids.map((tokenId) => {
    const found = byLayer.map((cells) => cells.find((cell) => cell.tokenId === tokenId));
    return {
      tokenId,
      text: trace.tokenTexts[tokenId] ?? '',
      probability: found.map((cell) => cell?.probability ?? null),
      rank: found.map((cell) => cell?.rank ?? null),
      topsLayers: found.flatMap((cell, layer) => (cell?.rank === 1 ? [layer] : [])),
    };
  });
}

/** The cell so many columns and rows away, inside the photograph; from nowhere it is the one in the middle. */
export function neighbourCell(
  { columns, rows }: Pick<ImageLayout, 'columns' | 'rows'>,
  from: number | null,
  byColumns: number,
  byRows: number,
): number {
  if (from === null || from < 0) return Math.floor(rows / 2) * columns + Math.floor(columns / 2);
  const column = Math.min(columns - 1, Math.max(0, (from % columns) + byColumns));
  const row = Math.min(rows - 1, Math.max(0, Math.floor(from / columns) + byRows));
  return row * columns + column;
}
