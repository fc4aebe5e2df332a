import { FundusLensError } from '../../../contract/errors.ts';

export interface SmartResizeOptions {
  /** Patch size × merge size, pixels; 28 in Qwen2-VL and Qwen2.5-VL. */
  readonly factor: number;
  readonly minPixels: number;
  readonly maxPixels: number;
}

/** Longest side over shortest side that the reference accepts. */
const maxAspectRatio = 200;

/**
 * Chooses the size at which the vision tower sees an image: both sides multiples of `factor`, the area within
 * minPixels…maxPixels, the aspect ratio as close as that allows.
 *
 * The arithmetic is that of transformers' `smart_resize`, including Python's rounding of halves to even.
 *
 * @param width  pixels, ≥ 1
 * @param height pixels, ≥ 1
 * @returns [width, height], pixels
 * @throws FundusLensError `image.aspect-ratio` when one side is more than 200 times the other
 */
export function smartResize(width: number, height: number, options: SmartResizeOptions): [number, number] {
  const { factor, minPixels, maxPixels } = options;
  const aspectRatio = Math.max(width, height) / Math.min(width, height);
  if (aspectRatio > maxAspectRatio) {
    throw new FundusLensError('image.aspect-ratio', 'The image is too long and narrow for the model.', {
      expected: `one side at most ${maxAspectRatio} times the other`,
      found: `${width} × ${height} pixels, a ratio of ${Math.round(aspectRatio)}`,
      advice: 'Crop the image to the part that matters.',
    });
  }
  const area = width * height;
  let resizedWidth = roundHalfToEven(width / factor) * factor;
  let resizedHeight = roundHalfToEven(height / factor) * factor;
  if (resizedWidth * resizedHeight > maxPixels) {
    const shrink = Math.sqrt(area / maxPixels);
    resizedWidth = Math.max(factor, Math.floor(width / shrink / factor) * factor);
    resizedHeight = Math.max(factor, Math.floor(height / shrink / factor) * factor);
  } else if (resizedWidth * resizedHeight < minPixels) {
    const enlarge = Math.sqrt(minPixels / area);
    resizedWidth = Math.ceil((width * enlarge) / factor) * factor;
    resizedHeight = Math.ceil((height * enlarge) / factor) * factor;
  }
  return [resizedWidth, resizedHeight];
}

/** Python's `round`: 0.5 → 0, 1.5 → 2, 2.5 → 2. */
export function roundHalfToEven(value: number): number {
  const floor = Math.floor(value);
  const fraction = value - floor;
  if (fraction !== 0.5) return Math.round(value);
  return floor % 2 === 0 ? floor : floor + 1;
}
