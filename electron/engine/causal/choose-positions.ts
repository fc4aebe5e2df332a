import { imagePositions, positionsOfCells } from '../lens-trace/image-tokens.ts';
import type { ComposedPrompt } from '../model/compose-prompt.ts';
import { createRandom } from '../readability/statistics/seeded-random.ts';
import type { ImageRegion, PositionSet } from '../lens-trace/causal-request.ts';

/** Positions of a prompt, ascending, by the set that they make; sets without positions are left out. */
export type ChosenPositions = ReadonlyMap<PositionSet, readonly number[]>;

/**
 * The positions at which states are exchanged.
 *
 * @param prompt with an image
 * @param region null leaves `region` and `irrelevant` out, as does one that leaves too few tokens outside it
 */
export function choosePositions(
  prompt: Pick<ComposedPrompt, 'imageSpan' | 'imagePieces' | 'cells' | 'tokenIds'>,
  region: ImageRegion | null,
  seed: number,
): ChosenPositions {
  const image = imagePositions(prompt);
  const { length } = prompt.tokenIds;
  const ascending = (positions: readonly number[]) => [...positions].sort((a, b) => a - b);
  const sets: [PositionSet, readonly number[]][] = [['image', image]];
  if (region !== null) {
    const own = positionsOf(region, prompt);
    const others = shuffle(
      image.filter((position) => !own.includes(position)),
      createRandom(seed),
    );
    if (others.length >= own.length)
      sets.push(['region', ascending(own)], ['irrelevant', ascending(others.slice(0, own.length))]);
  }
  const text = Array.from({ length }, (_, position) => position).slice(image.at(-1)! + 1);
  sets.push(['text', text], ['last', [length - 1]]);
  return new Map(sets.filter(([, positions]) => positions.length > 0));
}

/** Tokens that show the region: on the tiles of the image, and in a smaller view of the whole where there is one. */
function positionsOf(
  region: ImageRegion,
  prompt: Pick<ComposedPrompt, 'imageSpan' | 'imagePieces' | 'cells'>,
): number[] {
  const placed = positionsOfCells(prompt, prompt.cells);
  const views = prompt.imagePieces.filter(({ at }) => at === null);
  return [
    ...cellsOf(region, prompt.cells).map((cell) => placed[cell]!),
    ...views.flatMap(({ span, cells }) => cellsOf(region, cells).map((cell) => span[0] + cell)),
  ];
}

/** Cells, row by row, of which at least half lies in the region; the one in its middle where none does. */
function cellsOf(
  { left, top, right, bottom }: ImageRegion,
  [rows, columns]: readonly [number, number],
): number[] {
  const overlap = (from: number, to: number, low: number, high: number) =>
    Math.max(0, Math.min(to, high) - Math.max(from, low));
  const inside = Array.from({ length: rows * columns }, (_, cell) => {
    const [row, column] = [Math.floor(cell / columns), cell % columns];
    const height = overlap(row / rows, (row + 1) / rows, top, bottom) * rows;
    return overlap(column / columns, (column + 1) / columns, left, right) * columns * height;
  });
  const own = inside.flatMap((share, cell) => (share >= 0.5 - 1e-9 ? [cell] : []));
  if (own.length > 0) return own;
  const at = (from: number, to: number, count: number) =>
    Math.min(count - 1, Math.floor(((from + to) / 2) * count));
  return [at(top, bottom, rows) * columns + at(left, right, columns)];
}

/** Fisher–Yates, in a copy. */
export function shuffle<T>(items: readonly T[], random: () => number): T[] {
  const shuffled = [...items];
  for (let last = shuffled.length - 1; last > 0; last--) {
    const other = Math.floor(random() * (last + 1));
    [shuffled[last], shuffled[other]] = [shuffled[other]!, shuffled[last]!];
  }
  return shuffled;
}
