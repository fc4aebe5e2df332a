import type { ImageGrid } from '../../image/image-processor.ts';
import type { ImageTokens } from '../shared/family.ts';
import type { ModelConfig } from '../shared/model-config.ts';

/** `<|image_pad|>` once for every merged cell. */
export function qwenImageTokens(
  { vision: { mergeSize }, imageTokenId }: ModelConfig,
  [, rows, columns]: ImageGrid,
): ImageTokens {
  const cells: [number, number] = [rows / mergeSize, columns / mergeSize];
  const count = cells[0] * cells[1];
  return {
    cells,
    tokenIds: Array<number>(count).fill(imageTokenId),
    pieces: [{ span: [0, count], cells, at: [0, 0] }],
  };
}
