/**
 * Cholesky factor of a small positive definite matrix, in place: its lower triangle becomes L with matrix = L·Lᵀ.
 *
 * @param matrix float64, at least size², row-major; only the lower triangle is read
 * @throws RangeError when the matrix is not positive definite
 */
export function factorCholesky(matrix: Float64Array, size: number): void {
  for (let row = 0; row < size; row++)
    for (let column = 0; column <= row; column++) {
      let value = matrix[row * size + column]!;
      for (let k = 0; k < column; k++) value -= matrix[row * size + k]! * matrix[column * size + k]!;
      if (row > column) matrix[row * size + column] = value / matrix[column * size + column]!;
      else if (value > 0) matrix[row * size + row] = Math.sqrt(value);
      else throw new RangeError('A matrix that has to be positive definite is not.');
    }
}

/**
 * Solves L·Lᵀ·x = b in place for several right-hand sides.
 *
 * @param factor of {@link factorCholesky}
 * @param right  float64 [size, columns], row-major, beginning at `at`
 */
export function solveCholesky(
  factor: Float64Array,
  size: number,
  right: Float64Array,
  columns: number,
  at = 0,
): void {
  for (let row = 0; row < size; row++) {
    const pivot = factor[row * size + row]!;
    for (let column = 0; column < columns; column++) {
      let value = right[at + row * columns + column]!;
      for (let k = 0; k < row; k++) value -= factor[row * size + k]! * right[at + k * columns + column]!;
      right[at + row * columns + column] = value / pivot;
    }
  }
  for (let row = size - 1; row >= 0; row--) {
    const pivot = factor[row * size + row]!;
    for (let column = 0; column < columns; column++) {
      let value = right[at + row * columns + column]!;
      for (let k = row + 1; k < size; k++)
        value -= factor[k * size + row]! * right[at + k * columns + column]!;
      right[at + row * columns + column] = value / pivot;
    }
  }
}
