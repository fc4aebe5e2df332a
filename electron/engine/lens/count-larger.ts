/** Bins by the upper half of a logit's sortable key: sign, exponent and seven bits of the fraction. */
const numBins = 1 << 16;
const firstBin = -(1 << 15);

/**
 * Ranks several logits of one row at once: 1 + the number of tokens with a larger logit, exactly.
 *
 * The bits of a float32, its negative half turned over, sort like the number itself. One pass over the
 * vocabulary fills a histogram of the upper halves of these keys, and only the logits that share a bin with a
 * threshold are compared with it. No branch of the pass depends on comparing logits: half of those would be
 * mispredicted.
 */
export class RankCounter {
  readonly #counts = new Int32Array(numBins);
  /** 1 + the number of the bin among those that hold a threshold; 0 of all others. */
  readonly #numberOf = new Uint16Array(numBins);
  #contested = new Int32Array(4096);

  /**
   * @param logits float32 [V], finite
   * @param thresholds float32 [C], C < 65,536
   * @returns ranks [C], 1 = top
   */
  rank(logits: Float32Array, thresholds: Float32Array): number[] {
    const bits = new Int32Array(logits.buffer, logits.byteOffset, logits.length);
    // −0 and 0 are equal; as a threshold both stand for 0, which a value of −0 does not exceed.
    const keys = Array.from(thresholds, (threshold) => sortableKey(threshold === 0 ? 0 : threshold));
    const bins = [...new Set(keys.map((key) => (key >> 16) - firstBin))].sort((a, b) => b - a);
    const counts = this.#counts.fill(0);
    const numberOf = this.#numberOf;
    bins.forEach((bin, index) => (numberOf[bin] = index + 1));
    if (this.#contested.length < logits.length) this.#contested = new Int32Array(logits.length);
    const contested = this.#contested;
    let numContested = 0;
    for (let index = 0; index < bits.length; index++) {
      const word = bits[index]!;
      const key = word ^ ((word >> 31) & 0x7fff_ffff);
      const bin = (key >> 16) - firstBin;
      counts[bin]!++;
      if (numberOf[bin] !== 0) contested[numContested++] = key;
    }
    const inBin: number[][] = bins.map(() => []);
    for (let index = 0; index < numContested; index++)
      inBin[numberOf[(contested[index]! >> 16) - firstBin]! - 1]!.push(contested[index]!);
    const above = countAbove(counts, bins);
    const ranks = keys.map((threshold) => {
      const number = numberOf[(threshold >> 16) - firstBin]! - 1;
      let larger = above[number]!;
      for (const key of inBin[number]!) if (key > threshold) larger++;
      return 1 + larger;
    });
    for (const bin of bins) numberOf[bin] = 0;
    return ranks;
  }
}

const oneFloat = new Float32Array(1);
const itsBits = new Int32Array(oneFloat.buffer);

/** An int32 that sorts like the float32 it is made from. */
function sortableKey(value: number): number {
  oneFloat[0] = value;
  const word = itsBits[0]!;
  return word ^ ((word >> 31) & 0x7fff_ffff);
}

/** For each of some bins, the highest first, the counts of all bins above it. */
function countAbove(counts: Int32Array, bins: readonly number[]): number[] {
  let above = 0;
  let next = counts.length - 1;
  return bins.map((bin) => {
    for (; next > bin; next--) above += counts[next]!;
    return above;
  });
}
