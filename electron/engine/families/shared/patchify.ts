import type { ImageProcessorConfig, Patches } from '../../image/image-processor.ts';
import type { RgbImage } from '../../image/resize.ts';

/**
 * Normalises an image and cuts it into patches, `(value / 255 − mean) / std` in float32.
 *
 * ```
 *   rows of pixelValues                     inside a row
 *   ┌────┬────┐┌────┬────┐                  red   frame 0  patchSize × patchSize
 *   │ 0  │ 1  ││ 4  │ 5  │  the patches of        frame 1  the same again
 *   ├────┼────┤├────┼────┤  a merged token  green frame 0  …
 *   │ 2  │ 3  ││ 6  │ 7  │  are contiguous  blue  …
 *   └────┴────┘└────┴────┘
 * ```
 *
 * @param image uint8 [H, W, 3], both sides multiples of patchSize · mergeSize
 * @throws RangeError when a side is not such a multiple
 */
export function patchify(image: RgbImage, config: ImageProcessorConfig): Patches {
  const { patchSize, temporalPatchSize, mergeSize } = config;
  const factor = patchSize * mergeSize;
  const { width, height, rgb } = image;
  if (width % factor !== 0 || height % factor !== 0) {
    throw new RangeError(`${width} × ${height} pixels are not multiples of ${factor}`);
  }
  const gridWidth = width / patchSize;
  const gridHeight = height / patchSize;
  const plane = patchSize * patchSize;
  const pixelValues = new Float32Array(width * height * 3 * temporalPatchSize);
  const normalised = [0, 1, 2].map((channel) => normaliseBytes(config.mean[channel]!, config.std[channel]!));
  let out = 0;
  for (let mergedRow = 0; mergedRow < gridHeight; mergedRow += mergeSize) {
    for (let mergedColumn = 0; mergedColumn < gridWidth; mergedColumn += mergeSize) {
      for (let inner = 0; inner < mergeSize * mergeSize; inner++) {
        const top = (mergedRow + Math.floor(inner / mergeSize)) * patchSize;
        const left = (mergedColumn + (inner % mergeSize)) * patchSize;
        for (let channel = 0; channel < 3; channel++) {
          const values = normalised[channel]!;
          const start = out;
          for (let y = top; y < top + patchSize; y++) {
            let at = (y * width + left) * 3 + channel;
            for (let x = 0; x < patchSize; x++, at += 3) pixelValues[out++] = values[rgb[at]!]!;
          }
          for (let frame = 1; frame < temporalPatchSize; frame++, out += plane) {
            pixelValues.copyWithin(out, start, start + plane);
          }
        }
      }
    }
  }
  return { grid: [1, gridHeight, gridWidth], pixelValues };
}

/** float32 [256]: what each byte becomes, with the reference's float32 rounding after each step. */
function normaliseBytes(mean: number, std: number): Float32Array {
  const scale = 1 / 255;
  return Float32Array.from({ length: 256 }, (_, byte) => {
    const centred = Math.fround(Math.fround(byte * scale) - Math.fround(mean));
    return centred / Math.fround(std);
  });
}
