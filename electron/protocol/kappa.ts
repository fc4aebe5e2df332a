/** Agreement beyond chance. */
export interface Kappa {
  /** Pairs it was computed over. */
  readonly n: number;
  /** −1…1; null where chance alone gives full agreement, as when both always say the same. */
  readonly value: number | null;
}

/**
 * Cohen's κ of pairs of codes, 1 − Σ w·observed / Σ w·expected.
 *
 * @param pairs   [first observer's code, second observer's code]
 * @param codes   all codes, from least to most for `quadratic`; weight (i − j)², or 0 and 1 for `unweighted`
 * @see Cohen (1960), "A coefficient of agreement for nominal scales"; Cohen (1968), "Weighted kappa"
 */
export function cohenKappa(
  pairs: readonly (readonly [string, string])[],
  codes: readonly string[],
  weighting: 'unweighted' | 'quadratic',
): Kappa {
  const n = pairs.length;
  const firsts = new Float64Array(codes.length);
  const seconds = new Float64Array(codes.length);
  const weigh = (i: number, j: number) => (weighting === 'quadratic' ? (i - j) ** 2 : Number(i !== j));
  let observed = 0;
  for (const [a, b] of pairs) {
    const i = codes.indexOf(a);
    const j = codes.indexOf(b);
    firsts[i]! += 1;
    seconds[j]! += 1;
    observed += weigh(i, j);
  }
  let expected = 0;
  firsts.forEach((a, i) => seconds.forEach((b, j) => (expected += (weigh(i, j) * a * b) / n)));
  return { n, value: expected === 0 || n === 0 ? null : 1 - observed / expected };
}
