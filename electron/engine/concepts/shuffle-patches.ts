import type { OpenedImage } from '../image/open-image.ts';
import { createRandom, seedOfText } from '../readability/statistics/seeded-random.ts';

/** Patches of one merged cell, which lie one after the other. */
const patchesPerCell = 4;

/**
 * The same image with its merged cells in another order: every colour and every small texture is there, and nothing that
 * they form. The order follows from the image and a number, so that a trace repeats.
 *
 * @param version tells shuffles of one image apart
 */
export function shuffleCells(image: OpenedImage, version: number): OpenedImage {
  const sha256 = `${image.sha256} shuffled ${version}`;
  return {
    ...image,
    sha256,
    pixelValues: async () => {
      const pixels = await image.pixelValues();
      const numCells = (image.grid[1] * image.grid[2]) / patchesPerCell;
      const size = pixels.length / numCells;
      const order = shuffledOrder(numCells, createRandom(seedOfText(sha256)));
      const shuffled = new Float32Array(pixels.length);
      order.forEach((from, to) => shuffled.set(pixels.subarray(from * size, (from + 1) * size), to * size));
      return shuffled;
    },
  };
}

function shuffledOrder(count: number, random: () => number): number[] {
  const order = Array.from({ length: count }, (_, index) => index);
  for (let last = count - 1; last > 0; last--) {
    const other = Math.floor(random() * (last + 1));
    [order[last], order[other]] = [order[other]!, order[last]!];
  }
  return order;
}
