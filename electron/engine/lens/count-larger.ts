const numBins = 4096;

/**
 * Ranks several logits of one row at once: 1 + the number of tokens with a larger logit, exactly.
 *
 * One pass over the vocabulary fills a histogram between the smallest and the largest threshold; only the
 * logits that share a bin with a threshold are compared with it.
 *
 * @param logits float32 [V], finite
 * @param thresholds float32 [C]
 * @returns ranks [C], 1 = top
 */
export class RankCounter {
  readonly #counts = new Int32Array(numBins + 1);
  readonly #isContested = new Uint8Array(numBins + 1);
  #contested = new Float32Array(1024);

  rank(logits: Float32Array, thresholds: Float32Array): number[] {
    const lowest = thresholds.reduce((a, b) => Math.min(a, b));
    const highest = thresholds.reduce((a, b) => Math.max(a, b));
    const scale = highest > lowest ? numBins / (highest - lowest) : 0;
    const bin = (value: number) => Math.trunc((value - lowest) * scale);
    const counts = this.#counts.fill(0);
    const isContested = this.#isContested.fill(0);
    for (const threshold of thresholds) isContested[bin(threshold)] = 1;
    let above = 0;
    let numContested = 0;
    let contested = this.#contested;
    for (let index = 0; index < logits.length; index++) {
      const value = logits[index]!;
      if (value <= lowest) continue;
      if (value > highest) {
        above++;
        continue;
      }
      const b = ((value - lowest) * scale) | 0;
      counts[b]!++;
      if (isContested[b] === 1) {
        if (numContested === contested.length) contested = this.#grow();
        contested[numContested++] = value;
      }
    }
    const inContested = contested.subarray(0, numContested);
    const largerBins = suffixSums(counts);
    return Array.from(thresholds, (threshold) => {
      const b = bin(threshold);
      let larger = above + largerBins[b]!;
      for (const value of inContested) if (value > threshold && bin(value) === b) larger++;
      return 1 + larger;
    });
  }

  #grow(): Float32Array<ArrayBuffer> {
    const larger = new Float32Array(this.#contested.length * 2);
    larger.set(this.#contested);
    return (this.#contested = larger);
  }
}

/** sums[b] = counts in the bins above b */
function suffixSums(counts: Int32Array): Int32Array {
  const sums = new Int32Array(counts.length);
  for (let b = counts.length - 2; b >= 0; b--) sums[b] = sums[b + 1]! + counts[b + 1]!;
  return sums;
}
