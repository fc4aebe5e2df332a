export interface Discoveries {
  /** By test, the smallest false-discovery rate at which it is found; never below its p. */
  readonly q: readonly number[];
  /** The largest p that is found at the level; 0 when none is. */
  readonly threshold: number;
}

/**
 * Benjamini–Hochberg: the largest k with p(k) ≤ k / m · level, and q by test.
 *
 * @param level 0…1
 * @see Benjamini & Hochberg, "Controlling the false discovery rate" (1995)
 */
export function benjaminiHochberg(pValues: readonly number[], level: number): Discoveries {
  const count = pValues.length;
  const order = pValues.map((_, index) => index).sort((a, b) => pValues[b]! - pValues[a]!);
  const q = Array<number>(count).fill(1);
  let least = 1;
  let threshold = 0;
  for (const [step, index] of order.entries()) {
    const p = pValues[index]!;
    least = Math.min(least, (p * count) / (count - step));
    q[index] = least;
    // Ties within rounding of the level count as reaching it: 0.05 is not a number of two halves.
    if (threshold === 0 && least <= level * (1 + 1e-12)) threshold = p;
  }
  return { q, threshold };
}
