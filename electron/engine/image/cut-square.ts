import type { RgbImage } from './resize.ts';

/** The square of `side` pixels of an image that begins at `left` and `top`. */
export function cutSquare({ width, rgb }: RgbImage, left: number, top: number, side: number): RgbImage {
  const square = new Uint8Array(side * side * 3);
  for (let y = 0; y < side; y++) {
    const start = ((top + y) * width + left) * 3;
    square.set(rgb.subarray(start, start + side * 3), y * side * 3);
  }
  return { width: side, height: side, rgb: square };
}
