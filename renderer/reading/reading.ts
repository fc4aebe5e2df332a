import type { LensTrace } from '../../electron/engine/lens-trace/lens-trace.ts';
import { sinkLimit } from '../../electron/engine/lens-trace/reading.ts';

export { answerIndex, countEarlyLayers, layerCurve } from '../../electron/engine/lens-trace/reading.ts';

/** How a concept's curve is read. */
export const curveScales = ['probability', 'log-probability', 'rank'] as const;
export type CurveScale = (typeof curveScales)[number];

export interface TopCell {
  readonly tokenId: number;
  readonly text: string;
  readonly probability: number;
  readonly rank: number;
}

/** Where the image tokens lie on the photograph: merged 2 × 2 patches, row by row. */
export interface ImageLayout {
  readonly columns: number;
  readonly rows: number;
  /** int32 [rows × columns]: index into `trace.positions`, or −1 where the trace did not read the token. */
  readonly cells: Int32Array;
}

export function positionKind(
  trace: LensTrace,
  positionIndex: number,
): 'image' | 'answer' | 'generated' | 'prompt' {
  const position = trace.positions[positionIndex]!;
  const { imageSpan, tokenIds } = trace.prompt;
  if (imageSpan !== null && position >= imageSpan[0] && position < imageSpan[1]) return 'image';
  if (position === tokenIds.length - 1) return 'answer';
  return position >= tokenIds.length ? 'generated' : 'prompt';
}

/** Lays the traced image positions over the photograph; null without an image or when none of them was traced. */
export function imageLayout(trace: LensTrace): ImageLayout | null {
  const span = trace.prompt.imageSpan;
  if (trace.image === null || span === null) return null;
  const [, height, width] = trace.image.grid;
  const rows = height >> 1;
  const columns = width >> 1;
  const cells = new Int32Array(rows * columns).fill(-1);
  trace.positions.forEach((position, index) => {
    const cell = position - span[0];
    if (cell >= 0 && cell < cells.length && position < span[1]) cells[cell] = index;
  });
  return cells.some((index) => index >= 0) ? { rows, columns, cells } : null;
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

/** The kept tokens of one cell, best first. */
export function topCells(trace: LensTrace, layerIndex: number, positionIndex: number): TopCell[] {
  const start = (layerIndex * trace.positions.length + positionIndex) * trace.topK;
  return Array.from({ length: trace.topK }, (_, k) => {
    const tokenId = trace.cells.topIds[start + k]!;
    return {
      tokenId,
      text: trace.tokenTexts[tokenId] ?? '',
      probability: Math.exp(trace.cells.topLogProbs[start + k]!),
      rank: k + 1,
    };
  });
}

/**
 * Image positions whose residual norm stands out at a layer; see {@link sinkLimit}.
 *
 * @returns uint8 [rows × columns], 1 where the token is a sink
 */
export function sinkMask(trace: LensTrace, layerIndex: number, layout: ImageLayout): Uint8Array {
  const norms = trace.cells.residualNorm;
  const offset = layerIndex * trace.positions.length;
  const limit = sinkLimit(
    [...layout.cells].filter((index) => index >= 0).map((index) => norms[offset + index]!),
  );
  const mask = new Uint8Array(layout.cells.length);
  layout.cells.forEach((index, cell) => {
    if (index >= 0 && norms[offset + index]! > limit) mask[cell] = 1;
  });
  return mask;
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

/** A token's text with what cannot be seen made visible: leading space, line breaks, tabs. */
export function showToken(text: string): string {
  if (text === '') return '∅';
  return text.replace(/^ /, '·').replaceAll('\n', '↵').replaceAll('\t', '⇥').replace(/ $/, '·');
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
