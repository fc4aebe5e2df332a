/**
 * Products of row-major float64 matrices with rows along the summed axis, four rows by four at a time, so that
 * every number that is loaded is used four times; and in stretches of the summed axis that stay in the cache.
 */

/** Length of a stretch: 16 rows of it are 64 KiB, what a small second-level cache keeps beside the result. */
const stretch = 512;

/**
 * Features as float64 minus each column's mean over the rows; a column that is the same everywhere becomes exactly 0.
 *
 * @param features float32 [N, D], row-major
 * @returns float64 [N, D], and the means, float64 [D]
 */
export function centreColumns(
  features: Float32Array,
  rows: number,
  width: number,
): { readonly centred: Float64Array; readonly mean: Float64Array } {
  const mean = new Float64Array(width);
  for (let row = 0, at = 0; row < rows; row++)
    for (let column = 0; column < width; column++, at++) mean[column]! += features[at]!;
  for (let column = 0; column < width; column++) {
    const first = features[column]!;
    let row = 1;
    while (row < rows && features[row * width + column] === first) row++;
    mean[column] = row === rows ? first : mean[column]! / rows;
  }
  const centred = new Float64Array(rows * width);
  for (let row = 0, at = 0; row < rows; row++)
    for (let column = 0; column < width; column++, at++) centred[at] = features[at]! - mean[column]!;
  return { centred, mean };
}

/** M·Mᵀ of M float64 [N, D]; float64 [N, N]. */
export function gram(matrix: Float64Array, rows: number, width: number): Float64Array {
  const result = new Float64Array(rows * rows);
  addProduct(matrix, rows, matrix, rows, width, result, true);
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < row; column++) result[column * rows + row] = result[row * rows + column]!;
  return result;
}

/** A·Bᵀ of A [N, D] and B [M, D]; float64 [N, M]. */
export function multiplyTransposed(
  left: Float64Array,
  leftRows: number,
  right: Float64Array,
  rightRows: number,
  width: number,
): Float64Array {
  const result = new Float64Array(leftRows * rightRows);
  addProduct(left, leftRows, right, rightRows, width, result, false);
  return result;
}

/** Mᵀ of M [N, D]; float64 [D, N]. */
export function transpose(matrix: Float64Array, rows: number, columns: number): Float64Array {
  const result = new Float64Array(rows * columns);
  const block = 32;
  for (let top = 0; top < rows; top += block)
    for (let left = 0; left < columns; left += block)
      for (let row = top; row < Math.min(top + block, rows); row++)
        for (let column = left; column < Math.min(left + block, columns); column++)
          result[column * rows + row] = matrix[row * columns + column]!;
  return result;
}

/** Adds A·Bᵀ to the result; of a symmetric product only what lies in or left of the diagonal's blocks. */
function addProduct(
  left: Float64Array,
  leftRows: number,
  right: Float64Array,
  rightRows: number,
  width: number,
  result: Float64Array,
  symmetric: boolean,
): void {
  for (let begin = 0; begin < width; begin += stretch) {
    const end = Math.min(begin + stretch, width);
    for (let row = 0; row < leftRows; row += 4) {
      const last = symmetric ? Math.min(row + 4, rightRows) : rightRows;
      for (let column = 0; column < last; column += 4) {
        if (row + 4 <= leftRows && column + 4 <= rightRows)
          addBlock(left, row, right, column, rightRows, width, begin, end, result);
        else addEdge(left, row, leftRows, right, column, rightRows, width, begin, end, result);
      }
    }
  }
}

function addBlock(
  left: Float64Array,
  row: number,
  right: Float64Array,
  column: number,
  rightRows: number,
  width: number,
  begin: number,
  end: number,
  result: Float64Array,
): void {
  let s00 = 0, s01 = 0, s02 = 0, s03 = 0; // prettier-ignore
  let s10 = 0, s11 = 0, s12 = 0, s13 = 0; // prettier-ignore
  let s20 = 0, s21 = 0, s22 = 0, s23 = 0; // prettier-ignore
  let s30 = 0, s31 = 0, s32 = 0, s33 = 0; // prettier-ignore
  let a = row * width + begin;
  let b = column * width + begin;
  const step2 = 2 * width;
  const step3 = 3 * width;
  for (let k = begin; k < end; k++, a++, b++) {
    const a0 = left[a]!;
    const a1 = left[a + width]!;
    const a2 = left[a + step2]!;
    const a3 = left[a + step3]!;
    const b0 = right[b]!;
    const b1 = right[b + width]!;
    const b2 = right[b + step2]!;
    const b3 = right[b + step3]!;
    s00 += a0 * b0;
    s01 += a0 * b1;
    s02 += a0 * b2;
    s03 += a0 * b3; // prettier-ignore
    s10 += a1 * b0;
    s11 += a1 * b1;
    s12 += a1 * b2;
    s13 += a1 * b3; // prettier-ignore
    s20 += a2 * b0;
    s21 += a2 * b1;
    s22 += a2 * b2;
    s23 += a2 * b3; // prettier-ignore
    s30 += a3 * b0;
    s31 += a3 * b1;
    s32 += a3 * b2;
    s33 += a3 * b3; // prettier-ignore
  }
  let at = row * rightRows + column;
  result[at]! += s00;
  result[at + 1]! += s01;
  result[at + 2]! += s02;
  result[at + 3]! += s03; // prettier-ignore
  at += rightRows;
  result[at]! += s10;
  result[at + 1]! += s11;
  result[at + 2]! += s12;
  result[at + 3]! += s13; // prettier-ignore
  at += rightRows;
  result[at]! += s20;
  result[at + 1]! += s21;
  result[at + 2]! += s22;
  result[at + 3]! += s23; // prettier-ignore
  at += rightRows;
  result[at]! += s30;
  result[at + 1]! += s31;
  result[at + 2]! += s32;
  result[at + 3]! += s33; // prettier-ignore
}

function addEdge(
  left: Float64Array,
  row: number,
  leftRows: number,
  right: Float64Array,
  column: number,
  rightRows: number,
  width: number,
  begin: number,
  end: number,
  result: Float64Array,
): void {
  for (let i = row; i < Math.min(row + 4, leftRows); i++)
    for (let j = column; j < Math.min(column + 4, rightRows); j++) {
      let sum = 0;
      for (let k = begin; k < end; k++) sum += left[i * width + k]! * right[j * width + k]!;
      result[i * rightRows + j]! += sum;
    }
}
