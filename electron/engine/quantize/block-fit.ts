import { middleOf } from '../weights/block-format.ts';

export interface BlockChoice {
  readonly bits: 4 | 8;
  readonly blockSize: number;
  readonly symmetric: boolean;
}

/** Shares of a block's range that are tried: a narrower grid clips the largest weights and serves the others better. */
const rangeShares = {
  4: [1, 0.95, 0.9, 0.85, 0.8, 0.74, 0.68],
  8: [1],
} as const;

/**
 * The best grid of one block, w ≈ (q − zeroPoint) · scale; reused from block to block, since millions of them follow each
 * other. Of the candidate grids the one with the smallest weighted squared error is taken, its scale being the
 * least-squares fit to the integers it gave.
 */
export class BlockFit {
  scale = 0;
  zeroPoint = 0;
  readonly levels: number;
  readonly integers: Uint8Array;
  readonly #middle: number;
  readonly #symmetric: boolean;
  readonly #shares: readonly number[];
  readonly #equal: Float32Array;

  constructor({ bits, blockSize, symmetric }: BlockChoice) {
    this.integers = new Uint8Array(blockSize);
    this.levels = (1 << bits) - 1;
    this.#middle = middleOf(bits);
    this.#symmetric = symmetric;
    this.#shares = rangeShares[bits];
    this.#equal = new Float32Array(blockSize).fill(1);
  }

  /**
   * Chooses the grid, and the integers that are nearest on it.
   *
   * @param values the block is `length` of them from `start` on
   * @param weights how much the square of each value's error counts, from `weightsStart` on; equally when left out
   */
  choose(
    values: Float32Array,
    start: number,
    length: number,
    weights: Float32Array = this.#equal,
    weightsStart = 0,
  ): void {
    let low = 0;
    let high = 0;
    let norm = 0;
    for (let index = 0; index < length; index++) {
      const value = values[start + index]!;
      if (value < low) low = value;
      if (value > high) high = value;
      norm += weights[weightsStart + index]! * value * value;
    }
    if (low === high) {
      this.#keepNothing();
      return;
    }
    let best = Infinity;
    let bestStep = 0;
    let bestZero = 0;
    for (const share of this.#shares) {
      const step = this.#stepFor(low, high) * share;
      const zero = this.#symmetric ? this.#middle : Math.min(this.levels, Math.round((-low * share) / step));
      const gain = this.#try(values, start, length, step, zero, weights, weightsStart);
      if (norm - gain < best) {
        best = norm - gain;
        bestStep = step;
        bestZero = zero;
      }
    }
    this.#round(values, start, length, bestStep, bestZero, weights, weightsStart);
    // Nearest on the grid as it is now scaled, and the best scale for that: neither makes the error larger.
    if (this.scale !== 0) this.#round(values, start, length, this.scale, bestZero, weights, weightsStart);
    this.integers.fill(bestZero, length);
    this.zeroPoint = bestZero;
  }

  /** The symmetric grid has one level more below its middle, so its sign puts the larger side there. */
  #stepFor(low: number, high: number): number {
    if (!this.#symmetric) return (high - low) / this.levels;
    return -low >= high ? -low / this.#middle : -high / this.#middle;
  }

  /** By how much a grid with the best scale for its integers lowers the error: (Σ c w d)² / Σ c d². */
  #try(
    values: Float32Array,
    start: number,
    length: number,
    step: number,
    zero: number,
    weights: Float32Array,
    weightsStart: number,
  ): number {
    const inverse = 1 / step;
    const levels = this.levels;
    const offset = zero + 0.5;
    let product = 0;
    let square = 0;
    for (let index = 0; index < length; index++) {
      const value = values[start + index]!;
      let q = (value * inverse + offset) | 0;
      q = q < 0 ? 0 : q;
      q = q > levels ? levels : q;
      const d = q - zero;
      const weighted = weights[weightsStart + index]! * d;
      product += value * weighted;
      square += d * weighted;
    }
    return square === 0 ? 0 : (product * product) / square;
  }

  /** Rounds to a grid and fits the scale to the integers. */
  #round(
    values: Float32Array,
    start: number,
    length: number,
    step: number,
    zero: number,
    weights: Float32Array,
    weightsStart: number,
  ): void {
    const inverse = 1 / step;
    const { levels, integers } = this;
    const offset = zero + 0.5;
    let product = 0;
    let square = 0;
    for (let index = 0; index < length; index++) {
      const value = values[start + index]!;
      // Towards zero is down where it counts: what is below 0 is clamped to 0 either way.
      let q = (value * inverse + offset) | 0;
      q = q < 0 ? 0 : q;
      q = q > levels ? levels : q;
      integers[index] = q;
      const d = q - zero;
      const weighted = weights[weightsStart + index]! * d;
      product += value * weighted;
      square += d * weighted;
    }
    this.scale = square === 0 ? 0 : Math.fround(product / square);
  }

  #keepNothing(): void {
    this.zeroPoint = this.#middle;
    this.integers.fill(this.#middle);
    this.scale = 0;
  }
}
