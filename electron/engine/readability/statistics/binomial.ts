/**
 * Exact upper tail of the binomial distribution.
 *
 * @returns P(X ≥ count) of `trials`, each a success with probability `share`
 */
export function upperTail(count: number, trials: number, share: number): number {
  if (count <= 0) return 1;
  if (count > trials) return 0;
  if (share <= 0) return 0;
  if (share >= 1) return 1;
  let logChoose = 0;
  let sum = 0;
  for (let successes = 0; successes <= trials; successes++) {
    if (successes > 0) logChoose += Math.log((trials - successes + 1) / successes);
    if (successes >= count)
      sum += Math.exp(logChoose + successes * Math.log(share) + (trials - successes) * Math.log1p(-share));
  }
  return Math.min(1, sum);
}

/** P(X ≤ count), exact. */
export function lowerTail(count: number, trials: number, share: number): number {
  return upperTail(trials - count, trials, 1 - share);
}

/**
 * Exact 95 % interval of a share.
 *
 * @throws RangeError of no trials
 * @see Clopper & Pearson, "The use of confidence or fiducial limits illustrated in the case of the binomial" (1934)
 */
export function exactInterval(count: number, trials: number): [number, number] {
  if (trials < 1) throw new RangeError('no trials');
  const lower = count === 0 ? 0 : bisect((share) => upperTail(count, trials, share) < 0.025);
  const upper = count === trials ? 1 : bisect((share) => lowerTail(count, trials, share) > 0.025);
  return [lower, upper];
}

/** The share at which a condition that holds below it ends. */
function bisect(isBelow: (share: number) => boolean): number {
  let [low, high] = [0, 1];
  for (let step = 0; step < 60; step++) {
    const middle = (low + high) / 2;
    if (isBelow(middle)) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

/**
 * Family-wise correction of several tests.
 *
 * @returns corrected p in the order given
 * @see Holm, "A simple sequentially rejective multiple test procedure" (1979)
 */
export function holm(ps: readonly number[]): number[] {
  const corrected = ps.map(() => 1);
  let largest = 0;
  const order = ps.map((p, index) => ({ p, index })).sort((a, b) => a.p - b.p);
  for (const [place, { p, index }] of order.entries()) {
    largest = Math.max(largest, Math.min(1, p * (ps.length - place)));
    corrected[index] = largest;
  }
  return corrected;
}
