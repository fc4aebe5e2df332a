import type { LensTrace } from '../lens-trace.ts';

export interface TopCell {
  readonly tokenId: number;
  readonly text: string;
  readonly probability: number;
  readonly rank: number;
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

/** A token's text with what cannot be seen made visible: leading space, line breaks, tabs. */
export function showToken(text: string): string {
  if (text === '') return '∅';
  return text.replace(/^ /, '·').replaceAll('\n', '↵').replaceAll('\t', '⇥').replace(/ $/, '·');
}
