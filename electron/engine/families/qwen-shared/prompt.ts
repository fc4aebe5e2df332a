import type { ImageGrid } from '../../image/image-processor.ts';
import type { ImageTokens } from '../shared/family.ts';
import type { ModelConfig } from '../shared/model-config.ts';

/** `<|image_pad|>` once for every merged cell. */
export function qwenImageTokens(
  { vision: { mergeSize }, imageTokenId }: ModelConfig,
  [, rows, columns]: ImageGrid,
): ImageTokens {
  const cells = [rows / mergeSize, columns / mergeSize] as const;
  return { cells, tokenIds: Array<number>(cells[0] * cells[1]).fill(imageTokenId) };
}
