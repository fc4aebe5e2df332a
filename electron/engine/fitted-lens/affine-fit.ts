/** x ↦ x + A x + b */
export interface AffineMap {
  /** A, float32 [D, D], row-major: the first index is of the output. */
  readonly matrix: Float32Array;
  /** b, float32 [D] */
  readonly bias: Float32Array;
}

/**
 * Weighted least squares in closed form, as sums over rows that need not be kept:
 *
 * min over A, b of Σ w ‖x + A x + b − y‖² + λ ‖A‖²,  λ = ridge · (mean of the diagonal of Σ w x xᵀ)
 *
 * What the rows do not determine stays as it is, A = 0. Sums are float64.
 */
export class AffineFit {
  readonly width: number;
  /** [D + 1, D + 1], lower triangle: Σ w [x; 1] [x; 1]ᵀ */
  readonly #gram: Float64Array;
  /** [D + 1, D]: Σ w [x; 1] (y − x)ᵀ */
  readonly #cross: Float64Array;
  #rows = 0;

  constructor(width: number) {
    this.width = width;
    this.#gram = new Float64Array((width + 1) ** 2);
    this.#cross = new Float64Array((width + 1) * width);
  }

  /** Rows added so far. */
  get rows(): number {
    return this.#rows;
  }

  /**
   * @param x float32 [D]
   * @param y float32 [D]
   */
  add(x: Float32Array, y: Float32Array, weight: number): void {
    const { width } = this;
    const size = width + 1;
    for (let i = 0; i < size; i++) {
      const left = weight * (i < width ? x[i]! : 1);
      for (let j = 0, at = i * size; j < i; j++) this.#gram[at + j]! += left * x[j]!;
      this.#gram[i * size + i]! += left * (i < width ? x[i]! : 1);
      for (let j = 0, at = i * width; j < width; j++) this.#cross[at + j]! += left * (y[j]! - x[j]!);
    }
    this.#rows++;
  }

  /** @throws RangeError when the rows determine nothing, as of no rows */
  solve(ridge: number): AffineMap {
    const { width } = this;
    const size = width + 1;
    const gram = this.#gram.slice();
    let trace = 0;
    for (let i = 0; i < width; i++) trace += gram[i * size + i]!;
    for (let i = 0; i < width; i++) gram[i * size + i]! += (ridge * trace) / width;
    factorise(gram, size);
    const solution = this.#cross.slice();
    substitute(gram, solution, size, width);
    const matrix = new Float32Array(width * width);
    for (let input = 0; input < width; input++)
      for (let output = 0; output < width; output++)
        matrix[output * width + input] = solution[input * width + output]!;
    return { matrix, bias: Float32Array.from(solution.subarray(width * width)) };
  }
}

/** @returns float32 [R, D] */
export function applyAffine({ matrix, bias }: AffineMap, rows: Float32Array): Float32Array {
  const width = bias.length;
  const mapped = new Float32Array(rows.length);
  for (let start = 0; start < rows.length; start += width)
    for (let output = 0; output < width; output++) {
      let sum = rows[start + output]! + bias[output]!;
      for (let input = 0, at = output * width; input < width; input++)
        sum += matrix[at + input]! * rows[start + input]!;
      mapped[start + output] = sum;
    }
  return mapped;
}

/** Cholesky, in place in the lower triangle. */
function factorise(a: Float64Array, size: number): void {
  for (let j = 0; j < size; j++) {
    for (let i = j; i < size; i++) {
      let sum = a[i * size + j]!;
      for (let k = 0; k < j; k++) sum -= a[i * size + k]! * a[j * size + k]!;
      if (i > j) a[i * size + j] = sum / a[j * size + j]!;
      else if (sum > 0) a[j * size + j] = Math.sqrt(sum);
      else throw new RangeError('the rows do not determine a map');
    }
  }
}

/** L Lᵀ z = b for every column of b [size, columns], in place. */
function substitute(lower: Float64Array, b: Float64Array, size: number, columns: number): void {
  const subtract = (to: number, from: number, factor: number) => {
    for (let column = 0; column < columns; column++)
      b[to * columns + column]! -= factor * b[from * columns + column]!;
  };
  const divide = (row: number) => {
    for (let column = 0; column < columns; column++) b[row * columns + column]! /= lower[row * size + row]!;
  };
  for (let row = 0; row < size; row++) {
    for (let before = 0; before < row; before++) subtract(row, before, lower[row * size + before]!);
    divide(row);
  }
  for (let row = size - 1; row >= 0; row--) {
    for (let after = row + 1; after < size; after++) subtract(row, after, lower[after * size + row]!);
    divide(row);
  }
}
