/** Sides of the small picture. */
const side = 16;
/** Bins of each colour's histogram. */
const bins = 16;

/** Length of {@link pixelFeatures}. */
export const pixelWidth = 3 * side * side + 3 * bins;

/**
 * What colours alone say of a picture: it shrunk to 16 × 16 by averaging, then the square roots of its red, green and blue
 * histograms. A ridge on them reads every principal component of the small pictures, the large ones first.
 *
 * A decoder that reads no more from a layer than from these has read the camera and the pigment.
 *
 * @param pixels uint8 [height, width, 3], RGB
 * @returns float32 [816]: 768 of the picture, 0 … 1, then 3 × 16, scaled so that both parts vary about alike
 * @throws RangeError when the pixels are not those of an RGB picture of this size
 */
export function pixelFeatures(pixels: Uint8Array, width: number, height: number): Float32Array {
  if (width < 1 || height < 1 || pixels.length !== width * height * 3)
    throw new RangeError(`${pixels.length} bytes are not ${width} × ${height} pixels of 3 bytes.`);
  const features = new Float32Array(pixelWidth);
  features.set(shrink(pixels, width, height));
  const counts = new Float64Array(3 * bins);
  for (let at = 0; at < pixels.length; at++) counts[(at % 3) * bins + (pixels[at]! * bins) / 256 | 0]! += 1; // prettier-ignore
  // A histogram's roots have length 1 a colour; the picture's numbers are 16 times as many a colour.
  counts.forEach(
    (count, at) => (features[3 * side * side + at] = side * 0.25 * Math.sqrt(count / (width * height))),
  );
  return features;
}

/** Mean colour of each cell; where the picture is smaller than the grid, of the nearest pixel. */
function shrink(pixels: Uint8Array, width: number, height: number): Float32Array {
  const small = new Float32Array(3 * side * side);
  const edge = (cell: number, length: number) => Math.floor((cell * length) / side);
  for (let row = 0; row < side; row++)
    for (let column = 0; column < side; column++) {
      const [top, left] = [edge(row, height), edge(column, width)];
      const bottom = Math.max(edge(row + 1, height), top + 1);
      const right = Math.max(edge(column + 1, width), left + 1);
      for (let colour = 0; colour < 3; colour++) {
        let sum = 0;
        for (let y = top; y < bottom; y++)
          for (let x = left; x < right; x++) sum += pixels[(y * width + x) * 3 + colour]!;
        small[(row * side + column) * 3 + colour] = sum / ((bottom - top) * (right - left) * 255);
      }
    }
  return small;
}
