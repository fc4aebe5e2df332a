/** Below this the sum of a set's probabilities may have lost its smallest ones. */
const leastSum = 1e-280;

/** Sets of tokens whose probabilities are read together; every token is gathered once, whatever sets it is in. */
export class TokenSets {
  /** Each id once. */
  readonly tokens: readonly number[];
  /** By set, places of its tokens among {@link tokens}. */
  readonly #places: readonly Int32Array[];

  /** @param sets ids, at least one in each */
  constructor(sets: readonly (readonly number[])[]) {
    const placeOf = new Map<number, number>();
    for (const token of sets.flat()) if (!placeOf.has(token)) placeOf.set(token, placeOf.size);
    this.tokens = [...placeOf.keys()];
    this.#places = sets.map((set) => Int32Array.from(set, (token) => placeOf.get(token)!));
  }

  /**
   * ln of the probability of each set.
   *
   * @param logits float32 [rows, T], of {@link tokens}
   * @param logSumExp float32 [rows], of the whole vocabulary
   * @returns float32 [rows, sets], nats
   */
  logProbs(logits: Float32Array, logSumExp: Float32Array): Float32Array {
    const width = this.tokens.length;
    const sets = this.#places;
    const result = new Float32Array(logSumExp.length * sets.length);
    const probabilities = new Float64Array(width);
    for (let row = 0; row < logSumExp.length; row++) {
      const whole = logSumExp[row]!;
      for (let place = 0; place < width; place++)
        probabilities[place] = Math.exp(logits[row * width + place]! - whole);
      for (let set = 0; set < sets.length; set++) {
        let sum = 0;
        for (const place of sets[set]!) sum += probabilities[place]!;
        result[row * sets.length + set] =
          sum >= leastSum ? Math.log(sum) : sumSmall(logits, row * width, sets[set]!) - whole;
      }
    }
    return result;
  }

  /**
   * The largest logit of each of the first sets.
   *
   * @param logits float32 [rows, T], of {@link tokens}
   * @returns float32 [rows, count]
   */
  largest(logits: Float32Array, count: number): Float32Array {
    const width = this.tokens.length;
    const numRows = logits.length / width;
    const result = new Float32Array(numRows * count).fill(-Infinity);
    for (let row = 0; row < numRows; row++) {
      for (let set = 0; set < count; set++) {
        let best = -Infinity;
        for (const place of this.#places[set]!) best = Math.max(best, logits[row * width + place]!);
        result[row * count + set] = best;
      }
    }
    return result;
  }

  /**
   * Places of the tokens of the first sets, a set of fewer tokens than the largest with its first token again.
   *
   * @param slots sets to make room for; those that there are none of hold place 0
   * @param count sets that are placed, at most `slots` of them
   * @returns [slots · M], M the tokens of the largest
   */
  paddedPlaces(slots: number, count: number): BigInt64Array {
    const placed = this.#places.slice(0, Math.min(slots, count));
    const most = Math.max(1, ...placed.map((places) => places.length));
    const padded = new BigInt64Array(slots * most);
    placed.forEach((places, set) => {
      for (let form = 0; form < most; form++) padded[set * most + form] = BigInt(places[form] ?? places[0]!);
    });
    return padded;
  }
}

/** ln Σ e^z over some places of a row, however small it is. */
function sumSmall(logits: Float32Array, row: number, places: Int32Array): number {
  let largest = -Infinity;
  for (const place of places) largest = Math.max(largest, logits[row + place]!);
  let sum = 0;
  for (const place of places) sum += Math.exp(logits[row + place]! - largest);
  return largest + Math.log(sum);
}
