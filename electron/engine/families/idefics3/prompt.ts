import type { ImageGrid } from '../../image/image-processor.ts';
import type { ImagePiece } from '../../lens-trace/lens-trace.ts';
import type { ImageTokens } from '../shared/family.ts';
import type { ModelConfig } from '../shared/model-config.ts';

const fake = '<fake_token_around_image>';
const global = '<global-img>';

/**
 * The tokens of an image: of its tiles, row by row, and of the whole after them.
 *
 * ```
 *   fake <row_1_col_1> image × n  fake <row_1_col_2> image × n  \n
 *   fake <row_2_col_1> image × n  fake <row_2_col_2> image × n  \n
 *   \n  fake <global-img> image × n  fake
 * ```
 *
 * An image that is not cut has the last line alone, without its line break.
 */
export function imageTokens(
  { vision: { tileSide, mergeSize }, imageTokenId }: ModelConfig,
  [, rows, columns]: ImageGrid,
  encode: (text: string) => number[],
): ImageTokens {
  const [tileRows, tileColumns] = [rows / tileSide!, columns / tileSide!];
  const side = tileSide! / mergeSize;
  const tokenIds: number[] = [];
  const pieces: ImagePiece[] = [];
  const append = (before: string, at: ImagePiece['at']) => {
    tokenIds.push(...encode(before));
    pieces.push({ span: [tokenIds.length, tokenIds.length + side ** 2], cells: [side, side], at });
    tokenIds.push(...new Array<number>(side ** 2).fill(imageTokenId));
  };
  const isCut = tileRows * tileColumns > 1;
  for (let row = 0; isCut && row < tileRows; row++) {
    for (let column = 0; column < tileColumns; column++) {
      const lineBreak = row > 0 && column === 0 ? '\n' : '';
      const name = `<row_${row + 1}_col_${column + 1}>`;
      append(`${lineBreak}${fake}${name}`, [row * side, column * side]);
    }
  }
  append(`${isCut ? '\n\n' : ''}${fake}${global}`, isCut ? null : [0, 0]);
  tokenIds.push(...encode(fake));
  return { tokenIds, pieces, cells: [tileRows * side, tileColumns * side] };
}
