import { blocksPerRow, dataBytesPerRow, middleOf, zeroPointBytesPerRow } from '../checkpoint/block-format.ts';

export interface BlockChoice {
  readonly bits: 4 | 8;
  readonly blockSize: number;
  readonly symmetric: boolean;
}

export interface QuantisedRows {
  readonly data: Uint8Array;
  readonly scales: Float32Array;
  /** null when symmetric. */
  readonly zeroPoints: Uint8Array | null;
  /** Σ (prepared − source)² and Σ source² */
  readonly squaredError: number;
  readonly squaredNorm: number;
}

/** Shares of a block's range that are tried: a narrower grid clips the largest weights and serves the others better. */
const rangeShares = {
  4: [1, 0.95, 0.9, 0.85, 0.8, 0.74, 0.68],
  8: [1],
} as const;

/**
 * Rounds rows to integers block by block. Of each block's candidate grids the one with the smallest squared error is
 * taken, its scale being the least-squares fit to the integers it gave.
 *
 * @param values float32 [rows, columns]; the same values always give the same bytes
 */
export function quantiseRows(values: Float32Array, columns: number, choice: BlockChoice): QuantisedRows {
  const { bits, blockSize, symmetric } = choice;
  const numRows = values.length / columns;
  const blocks = blocksPerRow(columns, choice);
  const dataStride = dataBytesPerRow(columns, choice);
  const zeroStride = zeroPointBytesPerRow(columns, choice);
  const data = new Uint8Array(numRows * dataStride);
  const scales = new Float32Array(numRows * blocks);
  const zeroPoints = symmetric ? null : new Uint8Array(numRows * zeroStride);
  const fit = new BlockFit(choice);
  let squaredError = 0;
  let squaredNorm = 0;
  for (let row = 0; row < numRows; row++) {
    for (let block = 0; block < blocks; block++) {
      const start = row * columns + block * blockSize;
      const length = Math.min(blockSize, (row + 1) * columns - start);
      fit.choose(values, start, length);
      squaredError += fit.squaredError;
      squaredNorm += fit.squaredNorm;
      scales[row * blocks + block] = fit.scale;
      const to = row * dataStride + (block * blockSize * bits) / 8;
      if (bits === 8) data.set(fit.integers, to);
      else packHalfBytes(fit.integers, data, to);
      if (zeroPoints === null) continue;
      if (bits === 8) zeroPoints[row * zeroStride + block] = fit.zeroPoint;
      else zeroPoints[row * zeroStride + (block >> 1)]! |= fit.zeroPoint << (4 * (block & 1));
    }
  }
  return { data, scales, zeroPoints, squaredError, squaredNorm };
}

/** The best grid of one block; reused from block to block, since millions of them follow each other. */
class BlockFit {
  scale = 0;
  zeroPoint = 0;
  squaredError = 0;
  squaredNorm = 0;
  readonly integers: Uint8Array;
  readonly #levels: number;
  readonly #middle: number;
  readonly #symmetric: boolean;
  readonly #shares: readonly number[];

  constructor({ bits, blockSize, symmetric }: BlockChoice) {
    this.integers = new Uint8Array(blockSize);
    this.#levels = (1 << bits) - 1;
    this.#middle = middleOf(bits);
    this.#symmetric = symmetric;
    this.#shares = rangeShares[bits];
  }

  choose(values: Float32Array, start: number, length: number): void {
    let low = 0;
    let high = 0;
    let norm = 0;
    for (let index = start; index < start + length; index++) {
      const value = values[index]!;
      if (value < low) low = value;
      if (value > high) high = value;
      norm += value * value;
    }
    this.squaredNorm = norm;
    if (low === high) {
      this.#keepNothing();
      return;
    }
    let best = Infinity;
    let bestStep = 0;
    let bestZero = 0;
    for (const share of this.#shares) {
      const step = this.#stepFor(low, high) * share;
      const zero = this.#symmetric ? this.#middle : Math.min(this.#levels, Math.round((-low * share) / step));
      const error = this.#tryGrid(values, start, length, step, zero, norm);
      if (error < best) {
        best = error;
        bestStep = step;
        bestZero = zero;
      }
    }
    this.#take(values, start, length, bestStep, bestZero);
  }

  /** The symmetric grid has one level more below its middle, so its sign puts the larger side there. */
  #stepFor(low: number, high: number): number {
    if (!this.#symmetric) return (high - low) / this.#levels;
    return -low >= high ? -low / this.#middle : -high / this.#middle;
  }

  /** Squared error of a grid with the best scale for its integers: Σw² − (Σ w d)² / Σ d². */
  #tryGrid(
    values: Float32Array,
    start: number,
    length: number,
    step: number,
    zero: number,
    norm: number,
  ): number {
    const inverse = 1 / step;
    const levels = this.#levels;
    const offset = zero + 0.5;
    let product = 0;
    let square = 0;
    const end = start + length;
    for (let index = start; index < end; index++) {
      const value = values[index]!;
      // Towards zero is down where it counts: what is below 0 is clamped to 0 either way.
      let q = (value * inverse + offset) | 0;
      q = q < 0 ? 0 : q;
      q = q > levels ? levels : q;
      const d = q - zero;
      product += value * d;
      square += d * d;
    }
    return square === 0 ? norm : norm - (product * product) / square;
  }

  #take(values: Float32Array, start: number, length: number, step: number, zero: number): void {
    const inverse = 1 / step;
    const levels = this.#levels;
    const offset = zero + 0.5;
    const { integers } = this;
    let product = 0;
    let square = 0;
    for (let index = 0; index < length; index++) {
      const value = values[start + index]!;
      let q = (value * inverse + offset) | 0;
      q = q < 0 ? 0 : q;
      q = q > levels ? levels : q;
      integers[index] = q;
      const d = q - zero;
      product += value * d;
      square += d * d;
    }
    integers.fill(zero, length);
    this.zeroPoint = zero;
    this.scale = square === 0 ? 0 : Math.fround(product / square);
    let error = 0;
    for (let index = 0; index < length; index++) {
      const difference = values[start + index]! - (integers[index]! - zero) * this.scale;
      error += difference * difference;
    }
    this.squaredError = error;
  }

  #keepNothing(): void {
    this.zeroPoint = this.#middle;
    this.integers.fill(this.#middle);
    this.scale = 0;
    this.squaredError = this.squaredNorm;
  }
}

function packHalfBytes(integers: Uint8Array, target: Uint8Array, to: number): void {
  for (let index = 0; index < integers.length; index += 2) {
    target[to + (index >> 1)] = integers[index]! | (integers[index + 1]! << 4);
  }
}
