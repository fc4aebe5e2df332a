/** Tiles on each side, and how many times the mean a bin of a tile's histogram may hold. */
export const claheGrid = 8;
export const claheClip = 2;

const levels = 256;

export interface Plane {
  /** uint8 [height, width]. */
  readonly data: Uint8Array;
  readonly width: number;
  readonly height: number;
}

/**
 * Contrast-limited adaptive histogram equalisation of one plane: each tile's levels are spread by its own clipped
 * histogram, and between the middles of tiles the mappings are blended. A picture that the grid does not divide is
 * continued by its own mirror image, on the right and below.
 *
 * @returns uint8 [height, width]
 * @see Zuiderveld (1994), "Contrast Limited Adaptive Histogram Equalization", Graphics Gems IV
 */
export function equalize(plane: Plane, grid = claheGrid, clip = claheClip): Uint8Array {
  const { data, width, height } = plane;
  const tileWidth = Math.ceil(width / grid);
  const tileHeight = Math.ceil(height / grid);
  const mappings = mapTiles(plane, grid, clip, tileWidth, tileHeight);
  const columns = Array.from({ length: width }, (_, x) => neighbours(x / tileWidth - 0.5, grid));
  const result = new Uint8Array(width * height);
  for (let y = 0; y < height; y++) {
    const [upper, lower, down] = neighbours(y / tileHeight - 0.5, grid);
    for (let x = 0; x < width; x++) {
      const [left, right, along] = columns[x]!;
      const level = data[y * width + x]!;
      const at = (row: number, column: number) => mappings[(row * grid + column) * levels + level]!;
      const above = at(upper, left) * (1 - along) + at(upper, right) * along;
      const below = at(lower, left) * (1 - along) + at(lower, right) * along;
      result[y * width + x] = roundHalfEven(above * (1 - down) + below * down);
    }
  }
  return result;
}

/** The tiles on both sides of a place, in units of tiles from the middle of the first, and the share of the second. */
function neighbours(place: number, grid: number): readonly [before: number, after: number, share: number] {
  const first = Math.floor(place);
  return [Math.max(0, first), Math.min(grid - 1, first + 1), place - first];
}

/** @returns uint8 [grid, grid, 256]: where each tile puts each level */
function mapTiles(
  { data, width, height }: Plane,
  grid: number,
  clip: number,
  tileWidth: number,
  tileHeight: number,
): Uint8Array {
  const area = tileWidth * tileHeight;
  const limit = Math.max(1, Math.floor((clip * area) / levels));
  const mappings = new Uint8Array(grid * grid * levels);
  const counts = new Int32Array(levels);
  for (let tile = 0; tile < grid * grid; tile++) {
    const top = Math.floor(tile / grid) * tileHeight;
    const left = (tile % grid) * tileWidth;
    counts.fill(0);
    for (let y = top; y < top + tileHeight; y++) {
      const row = mirrored(y, height) * width;
      for (let x = left; x < left + tileWidth; x++) counts[data[row + mirrored(x, width)]!]!++;
    }
    clipCounts(counts, limit);
    let sum = 0;
    for (let level = 0; level < levels; level++) {
      sum += counts[level]!;
      mappings[tile * levels + level] = Math.min(255, roundHalfEven((sum * 255) / area));
    }
  }
  return mappings;
}

/** What stands above the limit is given to all levels alike; the rest of that division to levels evenly apart. */
function clipCounts(counts: Int32Array, limit: number): void {
  let excess = 0;
  for (let level = 0; level < levels; level++) {
    excess += Math.max(0, counts[level]! - limit);
    counts[level] = Math.min(limit, counts[level]!);
  }
  const each = Math.floor(excess / levels);
  let rest = excess - each * levels;
  for (let level = 0; level < levels; level++) counts[level]! += each;
  const step = Math.max(1, Math.floor(levels / Math.max(1, rest)));
  for (let level = 0; level < levels && rest > 0; level += step, rest--) counts[level]!++;
}

/** The place inside the picture that mirrors one beyond its end; the last row and column are not doubled. */
function mirrored(place: number, length: number): number {
  if (place < length) return place;
  return Math.max(0, 2 * (length - 1) - place);
}

/** Halves to the even side, as floating-point units do; places between tiles often end in exactly a half. */
function roundHalfEven(value: number): number {
  const rounded = Math.round(value);
  return rounded - value === 0.5 && rounded % 2 === 1 ? rounded - 1 : rounded;
}
