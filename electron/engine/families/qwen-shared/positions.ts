import type { ImagePlace } from '../shared/family.ts';

/**
 * Three-dimensional positions of a prompt with at most one image.
 *
 * Text counts up on all three axes; the image's tokens share one t and take their cell's row and column on h
 * and w; the text after it goes on at the largest position + 1.
 *
 * @param length T, prompt and generated tokens
 * @returns positions by axis t, h, w, each int32 [T]
 */
export function mropePositionIds(
  length: number,
  { imageSpan, cells: [rows, columns] }: Pick<ImagePlace, 'imageSpan' | 'cells'>,
): [Int32Array, Int32Array, Int32Array] {
  const axes: [Int32Array, Int32Array, Int32Array] = [
    new Int32Array(length),
    new Int32Array(length),
    new Int32Array(length),
  ];
  const [start, end] = imageSpan ?? [length, length];
  for (let index = 0; index < length; index++) {
    const cell = index - start;
    if (cell < 0) axes.forEach((axis) => (axis[index] = index));
    else if (index < end) {
      axes[0][index] = start;
      axes[1][index] = start + Math.floor(cell / columns);
      axes[2][index] = start + (cell % columns);
    } else {
      const text = start + Math.max(rows, columns) + (index - end);
      axes.forEach((axis) => (axis[index] = text));
    }
  }
  return axes;
}
