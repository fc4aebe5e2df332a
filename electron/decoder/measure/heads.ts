import { fitPlatt, plattProbability } from './platt.ts';
import type { PlattScaling } from './platt.ts';

export type FieldKind = 'binary' | 'ordinal' | 'categorical' | 'number';

/**
 * Columns that a ridge is fitted to for one field: a binary field's second class as 1; an ordinal field's thresholds,
 * column k being 1 where the class is above k; a categorical field's classes, one each; a number as it is.
 */
export function countColumns(kind: FieldKind, classes: number): number {
  if (kind === 'number' || kind === 'binary') return 1;
  return kind === 'ordinal' ? classes - 1 : classes;
}

/** One row's target in one column, from its class (or number). */
export function targetOf(kind: FieldKind, label: number, column: number): number {
  switch (kind) {
    case 'number':
      return label;
    case 'binary':
      return label;
    case 'ordinal':
      return label > column ? 1 : 0;
    case 'categorical':
      return label === column ? 1 : 0;
  }
}

/** Platt scaling of each column; an empty list for a number. Rows whose scores are NaN are left out. */
export function calibrate(
  kind: FieldKind,
  scores: Float64Array,
  targets: Float64Array,
  columns: number,
  near?: readonly PlattScaling[],
): PlattScaling[] {
  if (kind === 'number') return [];
  return Array.from({ length: columns }, (_, column) =>
    fitPlatt(columnOf(scores, columns, column), columnOf(targets, columns, column), near?.[column]),
  );
}

/**
 * Probabilities of the classes, which add up to 1.
 *
 * @param scores one row's, [columns]
 * @returns float64 [classes]
 */
export function classProbabilities(
  kind: Exclude<FieldKind, 'number'>,
  scores: ArrayLike<number>,
  scaling: readonly PlattScaling[],
): Float64Array {
  const columns = Float64Array.from(scaling, (platt, column) => plattProbability(platt, scores[column]!));
  if (kind === 'binary') return Float64Array.of(1 - columns[0]!, columns[0]!);
  if (kind === 'categorical') {
    const total = columns.reduce((sum, value) => sum + value, 0);
    return columns.map((value) => (total > 0 ? value / total : 1 / columns.length));
  }
  const above = makeDescending(columns);
  return Float64Array.from({ length: columns.length + 1 }, (_, k) => {
    const least = k === 0 ? 1 : above[k - 1]!;
    return least - (k < above.length ? above[k]! : 0);
  });
}

/** Nearest values that never rise (pool adjacent violators), so that "at least 3" is never likelier than "at least 2". */
export function makeDescending(values: Float64Array): Float64Array {
  const pools: { sum: number; count: number }[] = [];
  for (const value of values) {
    let pool = { sum: value, count: 1 };
    for (;;) {
      const before = pools.at(-1);
      if (before === undefined || before.sum / before.count >= pool.sum / pool.count) break;
      pools.pop();
      pool = { sum: before.sum + pool.sum, count: before.count + pool.count };
    }
    pools.push(pool);
  }
  return Float64Array.from(pools.flatMap(({ sum, count }) => new Array<number>(count).fill(sum / count)));
}

/** The likeliest class, the first of equals. */
export function likeliest(probabilities: Float64Array): number {
  let best = 0;
  probabilities.forEach((value, k) => {
    if (value > probabilities[best]!) best = k;
  });
  return best;
}

/** One column of a row-major matrix. */
export function columnOf(matrix: Float64Array, columns: number, column: number): Float64Array {
  return Float64Array.from({ length: matrix.length / columns }, (_, row) => matrix[row * columns + column]!);
}
