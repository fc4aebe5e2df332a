import type { ImageTokens } from '../shared/family.ts';
import type { ModelConfig } from '../shared/model-config.ts';

const start = '<start_of_image>';

/** As Gemma's processor writes an image into the rendered prompt: an empty line before and after it. */
export function surroundImage(rendered: string): string {
  return rendered.replaceAll(start, `\n\n${start}<image_soft_token><end_of_image>\n\n`);
}

/** `<image_soft_token>` once for every pooled cell; the image is always square. */
export function imageTokens({ vision: { positionSide, mergeSize }, imageTokenId }: ModelConfig): ImageTokens {
  const side = positionSide! / mergeSize;
  const cells: [number, number] = [side, side];
  return {
    cells,
    tokenIds: Array<number>(side ** 2).fill(imageTokenId),
    pieces: [{ span: [0, side ** 2], cells, at: [0, 0] }],
  };
}
