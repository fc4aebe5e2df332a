/** ln Σ exp(values); −Infinity of none. */
export function logSumExp(values: ArrayLike<number>): number {
  let most = -Infinity;
  for (let index = 0; index < values.length; index++) most = Math.max(most, values[index]!);
  if (most === -Infinity) return most;
  let sum = 0;
  for (let index = 0; index < values.length; index++) sum += Math.exp(values[index]! - most);
  return most + Math.log(sum);
}

/** ln(1 − p) from ln p ≤ 0. Where p has been rounded to 1, this is −Infinity: take the complement from the graph instead. */
export function logComplementOf(logProb: number): number {
  if (logProb >= 0) return -Infinity;
  return logProb > -Math.LN2 ? Math.log(-Math.expm1(logProb)) : Math.log1p(-Math.exp(logProb));
}

/**
 * Log-odds from both log-probabilities, so that they stay finite and comparable where p rounds to 1 in float32.
 *
 * @param logProb ln p, nats
 * @param logComplement ln(1 − p), nats, computed from the other tokens and not from p
 */
export function logOdds(logProb: number, logComplement: number): number {
  return logProb - logComplement;
}

/** Log-odds of ln p alone; only where p is known to be far from 1. */
export function logOddsOf(logProb: number): number {
  return logOdds(logProb, logComplementOf(logProb));
}
