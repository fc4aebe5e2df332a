import { sinkLimit } from '../lens-trace/reading.ts';

/**
 * The mean of token rows without norm sinks, which carry little about their place on the image and would dominate it.
 *
 * @param rows float32 [n, D]
 * @returns mean float32 [D], and how many rows are left out; see {@link sinkLimit}
 */
export function poolTokens(
  rows: Float32Array,
  dModel: number,
): { readonly mean: Float32Array; readonly numSinks: number } {
  const count = rows.length / dModel;
  const norms = Float64Array.from({ length: count }, (_, row) =>
    Math.sqrt(rows.subarray(row * dModel, (row + 1) * dModel).reduce((sum, value) => sum + value ** 2, 0)),
  );
  const limit = sinkLimit(norms);
  const sums = new Float64Array(dModel);
  let numKept = 0;
  norms.forEach((norm, row) => {
    if (norm > limit) return;
    numKept += 1;
    for (let d = 0; d < dModel; d++) sums[d]! += rows[row * dModel + d]!;
  });
  return { mean: Float32Array.from(sums, (sum) => sum / numKept), numSinks: count - numKept };
}
