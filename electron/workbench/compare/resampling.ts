type Curves = readonly (readonly number[])[];

/** Uniform numbers in [0, 1) from a seed (mulberry32), so that a published figure can be repeated. */
export function createRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** @param curves [n, N], n at least 1 */
export function meanOf(curves: Curves): number[] {
  return curves[0]!.map((_, layer) => curves.reduce((sum, curve) => sum + curve[layer]!, 0) / curves.length);
}

/** The middle 95 % of the values. */
export function interval(values: readonly number[]): [number, number] {
  const sorted = Float64Array.from(values).sort();
  const at = (share: number) => sorted[Math.round(share * (sorted.length - 1))]!;
  return [at(0.025), at(0.975)];
}

/** Two-sided p by layer of the difference of means, under exchange of the labels; never 0. */
export function permutationPValue(
  group: Curves,
  control: Curves,
  samples: number,
  random: () => number,
): number[] {
  const pooled = [...group, ...control];
  const difference = (curves: Curves) => {
    const a = meanOf(curves.slice(0, group.length));
    const b = meanOf(curves.slice(group.length));
    return a.map((value, layer) => Math.abs(value - b[layer]!));
  };
  const observed = difference(pooled);
  const extreme = observed.map(() => 1);
  for (let sample = 0; sample < samples; sample++) {
    for (let last = pooled.length - 1; last > 0; last--) {
      const other = Math.floor(random() * (last + 1));
      [pooled[last], pooled[other]] = [pooled[other]!, pooled[last]!];
    }
    difference(pooled).forEach((value, layer) => {
      if (value >= observed[layer]! - 1e-12) extreme[layer]! += 1;
    });
  }
  return extreme.map((count) => count / (samples + 1));
}

/** Holm's step-down correction. */
export function holmCorrect(pValues: readonly number[]): number[] {
  const order = pValues.map((_, index) => index).sort((a, b) => pValues[a]! - pValues[b]!);
  const corrected = Array<number>(pValues.length).fill(1);
  let largest = 0;
  for (const [step, index] of order.entries()) {
    largest = Math.max(largest, Math.min(1, pValues[index]! * (pValues.length - step)));
    corrected[index] = largest;
  }
  return corrected;
}
