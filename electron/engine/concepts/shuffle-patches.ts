import type { OpenedImage } from '../image/open-image.ts';
import type { ImagePiece } from '../lens-trace/lens-trace.ts';
import { createRandom, seedOfText } from '../readability/statistics/seeded-random.ts';

/**
 * The same image with its merged cells in another order: every colour and every small texture is there, and nothing that
 * they form. The order follows from the image and a number, so that a trace repeats. Cells move between tiles, but not between
 * the tiles and the smaller view of the whole.
 *
 * @param pieces of the image; the patches of a cell lie one after the other, cells in the order of the pieces
 * @param version tells shuffles of one image apart
 */
export function shuffleCells(
  image: OpenedImage,
  pieces: readonly Pick<ImagePiece, 'span' | 'at'>[],
  version: number,
): OpenedImage {
  const sha256 = `${image.sha256} shuffled ${version}`;
  return {
    ...image,
    sha256,
    pixelValues: async () => {
      const pixels = await image.pixelValues();
      const views = pieces.flatMap(({ span: [start, end], at }) =>
        Array<boolean>(end - start).fill(at !== null),
      );
      const size = pixels.length / views.length;
      const random = createRandom(seedOfText(sha256));
      const shuffled = new Float32Array(pixels.length);
      for (const view of [true, false]) {
        const cells = views.flatMap((own, cell) => (own === view ? [cell] : []));
        shuffledOrder(cells.length, random).forEach((from, to) => {
          const cell = cells[from]! * size;
          shuffled.set(pixels.subarray(cell, cell + size), cells[to]! * size);
        });
      }
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
