import { clipToFloor, readabilityRule } from './rule.ts';
import { medianAndDeviation } from './statistics/quantile.ts';
import { createRandom } from './statistics/seeded-random.ts';

/**
 * How far a reading lies from its controls: (x − median) / (1.4826 · MAD + floor), on log-odds in nats.
 *
 * @param controls at least one
 * @see Rousseeuw & Croux, "Alternatives to the median absolute deviation" (1993)
 */
export function robustZ(value: number, controls: ArrayLike<number>): number {
  const [center, deviation] = medianAndDeviation(controls);
  return (value - center) / (1.4826 * deviation + readabilityRule.deviationFloor);
}

/** Tokens that stand for "any other word": read beside the concepts, in the trace and in every control. */
export interface TokenPool {
  /** Ascending, no id twice. */
  readonly ids: Int32Array;
}

/**
 * Log-probabilities of the pool are kept in whole steps of as many nats: a fifth of what two readings of the same cell must
 * differ by to be told apart, and one byte for each of millions of numbers.
 */
export const poolStep = 1 / 16;
/** Steps from ln 1 down; what lies below is far under the floor of the rule even when a whole set of such tokens is added up. */
const poolSteps = 255;

/** Downwards, so that a set of tokens never comes to more than it has. */
export function toPoolStep(logProb: number): number {
  return -poolStep * Math.min(poolSteps, Math.ceil(-logProb / poolStep));
}

/** One cell's probabilities of the pool. */
export interface PoolReading {
  /** float32 [pool], nats, in steps of {@link poolStep} */
  readonly logProbs: Float32Array;
  /** Place in the pool of the cell's most probable token, −1 when it is not in it. */
  readonly topPlace: number;
  /** ln(1 − p) of that token, nats. */
  readonly topLogComplement: number;
}

/** Few enough to be kept for every control and layer. */
const poolSize = 4096;
/** Neighbours in the pool that a token is drawn from; a smaller vocabulary is drawn from whole, or sets would be too alike. */
const leastReach = 2048;

/**
 * Chooses the pool: evenly spread over the ids, because a byte-level BPE numbers its tokens as it merges them and so the id
 * follows their frequency.
 *
 * @param numTokens V, ids 0…V − 1
 * @param isAllowed false of special tokens, of broken characters, and of whatever begins a concept
 */
export function choosePool(numTokens: number, isAllowed: (id: number) => boolean): TokenPool {
  const random = createRandom(numTokens);
  const chosen = new Set<number>();
  const tries = Math.min(poolSize, numTokens);
  for (let part = 0; part < tries; part++) {
    const [from, to] = [part, part + 1].map((end) => Math.floor((end * numTokens) / tries)) as [
      number,
      number,
    ];
    // A part may hold a token that is not allowed; the others of it are tried from a random one on.
    const size = to - from;
    const first = Math.floor(random() * size);
    for (let step = 0; step < size; step++) {
      const id = from + ((first + step) % size);
      if (!isAllowed(id)) continue;
      chosen.add(id);
      break;
    }
  }
  return { ids: Int32Array.from(chosen).sort() };
}

/**
 * Draws sets as large as a concept's and of similar frequency: each token stands for one of the concept's, from its
 * neighbourhood in the pool.
 *
 * @param tokens first tokens of the concept
 * @param count sets
 * @returns int32 [count, size], places in the pool; size is at most the pool's
 */
export function drawTokenSets(
  { ids }: TokenPool,
  tokens: readonly number[],
  count: number,
  seed: number,
): { readonly places: Int32Array; readonly size: number } {
  const random = createRandom(seed);
  const size = Math.min(tokens.length, ids.length);
  const places = new Int32Array(count * size);
  const reach = Math.min(ids.length, Math.max(leastReach, 4 * size));
  const starts = tokens
    .slice(0, size)
    .map((token) => Math.min(Math.max(0, placeOf(ids, token) - Math.floor(reach / 2)), ids.length - reach));
  // Each member goes through its neighbourhood in an order of its own, so that no token comes twice before all have come once.
  const orders = starts.map(() => shuffle(reach, random));
  const used = new Set<number>();
  for (let set = 0; set < count; set++) {
    used.clear();
    for (let member = 0; member < size; member++) {
      let step = set;
      const next = () => starts[member]! + orders[member]![step++ % reach]!;
      let place = next();
      while (used.has(place)) place = next();
      used.add(place);
      places[set * size + member] = place;
    }
  }
  return { places, size };
}

/** The pool's probabilities at one layer, of a trace and of its controls side by side. */
export interface PoolTable {
  /** Of the trace and then of every control. */
  readonly cells: readonly PoolReading[];
  /** [pool, cells]; 0 at every cell's most probable token, whose probability is in `topProbs`. */
  readonly probs: Float64Array;
  readonly topProbs: Float64Array;
  /** By place in the pool: the cells whose most probable token it is. */
  readonly tops: ReadonlyMap<number, readonly number[]>;
}

/** @param controls the same cell of every control */
export function tabulatePool(reading: PoolReading, controls: readonly PoolReading[]): PoolTable {
  const cells = [reading, ...controls];
  const probs = new Float64Array(reading.logProbs.length * cells.length);
  const topProbs = new Float64Array(cells.length);
  const tops = new Map<number, number[]>();
  for (const [cell, { logProbs, topPlace }] of cells.entries()) {
    for (let place = 0; place < logProbs.length; place++)
      probs[place * cells.length + cell] = Math.exp(logProbs[place]!);
    if (topPlace < 0) continue;
    const at = topPlace * cells.length + cell;
    topProbs[cell] = probs[at]!;
    probs[at] = 0;
    const known = tops.get(topPlace);
    if (known === undefined) tops.set(topPlace, [cell]);
    else known.push(cell);
  }
  return { cells, probs, topProbs, tops };
}

/**
 * p of a concept's robust z among those of random token sets in the same cells: (1 + #sets ≥) / (sets + 1).
 *
 * @param z of the concept
 * @param compared controls that the concept is compared with, by their place among the table's
 */
export function tokenP(
  z: number,
  { places, size }: ReturnType<typeof drawTokenSets>,
  { cells, probs, topProbs, tops }: PoolTable,
  compared: readonly number[],
): number {
  const values = new Float64Array(compared.length);
  const inside = new Float64Array(cells.length);
  const hasTop = new Uint8Array(cells.length);
  const count = size === 0 ? 0 : places.length / size;
  const logOddsAt = (cell: number) => {
    const others = inside[cell]!;
    const isTop = hasTop[cell] === 1;
    const complement = isTop ? Math.exp(cells[cell]!.topLogComplement) - others : 1 - others;
    const probability = isTop ? others + topProbs[cell]! : others;
    return clipToFloor(Math.log(probability) - Math.log(Math.max(complement, Number.MIN_VALUE)));
  };
  let atLeast = 1;
  for (let set = 0; set < count; set++) {
    inside.fill(0);
    hasTop.fill(0);
    for (let member = set * size; member < (set + 1) * size; member++) {
      const place = places[member]!;
      const row = place * cells.length;
      for (let cell = 0; cell < inside.length; cell++) inside[cell]! += probs[row + cell]!;
      for (const cell of tops.get(place) ?? []) hasTop[cell] = 1;
    }
    for (let at = 0; at < values.length; at++) values[at] = logOddsAt(compared[at]! + 1);
    if (robustZ(logOddsAt(0), values) >= z) atLeast++;
  }
  return atLeast / (count + 1);
}

/** int32 [size]: 0…size − 1 in random order. */
function shuffle(size: number, random: () => number): Int32Array {
  const order = Int32Array.from({ length: size }, (_, index) => index);
  for (let last = size - 1; last > 0; last--) {
    const other = Math.floor(random() * (last + 1));
    [order[last], order[other]] = [order[other]!, order[last]!];
  }
  return order;
}

/** Where an id would stand in the pool. */
function placeOf(ids: Int32Array, id: number): number {
  let low = 0;
  let high = ids.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (ids[middle]! < id) low = middle + 1;
    else high = middle;
  }
  return low;
}
