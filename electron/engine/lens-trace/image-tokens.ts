import type { ImagePiece, TraceImage, TracePrompt } from './lens-trace.ts';

type ImagePlace = Readonly<Pick<TracePrompt, 'imageSpan' | 'imagePieces'>>;

/** Whether a position is one of the image's tokens, and not of those between its pieces. */
export function isImagePosition({ imageSpan, imagePieces }: ImagePlace, position: number): boolean {
  const spans = imagePieces?.map(({ span }) => span) ?? (imageSpan === null ? [] : [imageSpan]);
  return spans.some(([start, end]) => position >= start && position < end);
}

/** Positions of all image tokens, ascending. */
export function imagePositions({ imageSpan, imagePieces }: ImagePlace): number[] {
  const spans = imagePieces?.map(({ span }) => span) ?? (imageSpan === null ? [] : [imageSpan]);
  return spans.flatMap(([start, end]) => Array.from({ length: end - start }, (_, index) => start + index));
}

/** [rows, columns] of image tokens over the photograph. */
export function imageCells({
  cells,
  grid: [, rows, columns],
}: Pick<TraceImage, 'cells' | 'grid'>): readonly [number, number] {
  return cells ?? [rows >> 1, columns >> 1];
}

/**
 * Position of the token of every cell of the photograph, row by row. Pieces that show all of it once more are left out.
 *
 * @param cells rows and columns
 */
export function positionsOfCells(
  { imageSpan, imagePieces }: ImagePlace,
  [rows, columns]: readonly [number, number],
): number[] {
  if (imageSpan === null) return [];
  const whole: ImagePiece = { span: imageSpan, cells: [rows, columns], at: [0, 0] };
  const positions = new Array<number>(rows * columns).fill(-1);
  for (const { span, cells, at } of imagePieces ?? [whole]) {
    if (at === null) continue;
    for (let token = 0; token < span[1] - span[0]; token++) {
      const row = at[0] + Math.floor(token / cells[1]);
      positions[row * columns + at[1] + (token % cells[1])] = span[0] + token;
    }
  }
  return positions;
}
