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
  readonly #isContested = new Uint8Array(numBins);
  #contested = new Int32Array(4096);

  /**
   * @param logits float32 [V], finite
   * @param thresholds float32 [C]
   * @returns ranks [C], 1 = top
   */
  rank(logits: Float32Array, thresholds: Float32Array): number[] {
    const bits = new Int32Array(logits.buffer, logits.byteOffset, logits.length);
    // −0 and 0 are equal; as a threshold both stand for 0, which a value of −0 does not exceed.
    const keys = Array.from(thresholds, (threshold) => sortableKey(threshold === 0 ? 0 : threshold));
    const counts = this.#counts.fill(0);
    const isContested = this.#isContested.fill(0);
    for (const key of keys) isContested[(key >> 16) - firstBin] = 1;
    if (this.#contested.length < logits.length) this.#contested = new Int32Array(logits.length);
    const contested = this.#contested;
    let numContested = 0;
    for (let index = 0; index < bits.length; index++) {
      const word = bits[index]!;
      const key = word ^ ((word >> 31) & 0x7fff_ffff);
      const bin = (key >> 16) - firstBin;
      counts[bin]!++;
      if (isContested[bin] === 1) contested[numContested++] = key;
    }
    const inContested = contested.subarray(0, numContested);
    const largerBins = suffixSums(counts);
    return keys.map((threshold) => {
      const bin = threshold >> 16;
      let larger = largerBins[bin - firstBin]!;
      for (const key of inContested) if (key > threshold && key >> 16 === bin) larger++;
      return 1 + larger;
    });
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

/** sums[b] = counts in the bins above b */
function suffixSums(counts: Int32Array): Int32Array {
  const sums = new Int32Array(counts.length);
  for (let b = counts.length - 2; b >= 0; b--) sums[b] = sums[b + 1]! + counts[b + 1]!;
  return sums;
}
