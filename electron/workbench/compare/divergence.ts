/** The kept tokens of one cell: the K most probable, best first. */
export interface TopTokens {
  /** [K] */
  readonly ids: ArrayLike<number>;
  /** [K], nats, normalised over the whole vocabulary. */
  readonly logProbs: ArrayLike<number>;
}

export interface Bounded {
  /** With each tail spread evenly over the tokens that were not kept. */
  readonly value: number;
  readonly lower: number;
  readonly upper: number;
}

export interface Divergence {
  /** Nats, 0…ln 2. */
  readonly jensenShannon: Bounded;
  /** 0…1 */
  readonly totalVariation: Bounded;
  /** Probability outside the kept tokens, of a and of b. */
  readonly tailMass: [number, number];
}

/** How the numbers come about, for people who read an export. */
export const approximateMethod =
  'From the stored top-k tokens and the probability mass of the rest. "value" spreads the rest evenly over the tokens ' +
  'that were not kept, which is one possible case. The exact number lies between "lower" (the rest is placed as ' +
  'alike as the stored numbers allow, by lumping) and "upper" (what is not kept in both is placed on different tokens).';
export const exactMethod =
  'Computed over every token of the vocabulary, from float32 log-probabilities of a trace that was run again.';

/** What is known of two distributions together. */
interface Overlap {
  /** Probabilities [of a, of b] of the tokens kept in both. */
  readonly common: readonly (readonly [number, number])[];
  readonly onlyA: readonly number[];
  readonly onlyB: readonly number[];
  readonly tailA: number;
  readonly tailB: number;
  /** No token that was not kept has more. */
  readonly leastA: number;
  readonly leastB: number;
  /** Tokens kept in neither. */
  readonly restCount: number;
  /** Tokens not kept, of a and of b. */
  readonly unkeptA: number;
  readonly unkeptB: number;
}

/**
 * Jensen–Shannon divergence and total variation of two distributions of which the top tokens and the mass of the rest
 * are known.
 *
 * @param vocabSize V, tokens that both distributions run over
 */
export function divergenceOf(a: TopTokens, b: TopTokens, vocabSize: number): Divergence {
  const overlap = overlapOf(a, b, vocabSize);
  return {
    jensenShannon: bound(overlap, jsTerm, Math.LN2),
    totalVariation: bound(overlap, tvTerm, 1),
    tailMass: [overlap.tailA, overlap.tailB],
  };
}

type Term = (p: number, q: number) => number;

/** One token's share of the Jensen–Shannon divergence; homogeneous, jointly convex, at most ½ (p + q) ln 2. */
function jsTerm(p: number, q: number): number {
  const half = (x: number) => (x <= 0 ? 0 : 0.5 * x * Math.log((2 * x) / (p + q)));
  return half(p) + half(q);
}

function tvTerm(p: number, q: number): number {
  return 0.5 * Math.abs(p - q);
}

function bound(overlap: Overlap, term: Term, most: number): Bounded {
  const { common, onlyA, onlyB, tailA, tailB } = overlap;
  const known = common.reduce((sum, [p, q]) => sum + term(p, q), 0);
  const massA = total(onlyA);
  const massB = total(onlyB);
  const upper = known + term(massA + tailA, 0) + term(0, massB + tailB);
  const lower = known + leastOfRest(overlap, massA, massB, term);
  const value = known + evenlySpread(overlap, term);
  const limit = (x: number) => Math.min(most, Math.max(0, x));
  return {
    value: limit(Math.min(upper, Math.max(lower, value))),
    lower: limit(Math.min(lower, upper)),
    upper: limit(upper),
  };
}

/**
 * The smallest divergence of what is not kept in both, lumped into three groups: tokens kept in a alone, in b alone,
 * and in neither. Lumping never adds divergence, so this is a lower bound. Free are x, b's mass on the first group, and
 * y, a's mass on the second; the sum is convex in both.
 */
function leastOfRest(overlap: Overlap, massA: number, massB: number, term: Term): number {
  const { onlyA, onlyB, tailA, tailB, leastA, leastB } = overlap;
  const mostX = Math.min(tailB, onlyA.length * leastB);
  const mostY = Math.min(tailA, onlyB.length * leastA);
  const at = (x: number, y: number) => term(massA, x) + term(y, massB) + term(tailA - y, tailB - x);
  return minimise((x) => minimise((y) => at(x, y), mostY), mostX);
}

function evenlySpread(overlap: Overlap, term: Term): number {
  const { onlyA, onlyB, tailA, tailB, unkeptA, unkeptB, restCount } = overlap;
  const eachA = unkeptA === 0 ? 0 : tailA / unkeptA;
  const eachB = unkeptB === 0 ? 0 : tailB / unkeptB;
  return (
    onlyA.reduce((sum, p) => sum + term(p, eachB), 0) +
    onlyB.reduce((sum, q) => sum + term(eachA, q), 0) +
    restCount * term(eachA, eachB)
  );
}

function overlapOf(a: TopTokens, b: TopTokens, vocabSize: number): Overlap {
  const ofB = new Map<number, number>();
  for (let k = 0; k < b.ids.length; k++) ofB.set(b.ids[k]!, Math.exp(b.logProbs[k]!));
  const common: [number, number][] = [];
  const onlyA: number[] = [];
  for (let k = 0; k < a.ids.length; k++) {
    const p = Math.exp(a.logProbs[k]!);
    const q = ofB.get(a.ids[k]!);
    if (q === undefined) onlyA.push(p);
    else common.push([p, q]);
    ofB.delete(a.ids[k]!);
  }
  const onlyB = [...ofB.values()];
  const keptA = total(onlyA) + common.reduce((sum, [p]) => sum + p, 0);
  const keptB = total(onlyB) + common.reduce((sum, [, q]) => sum + q, 0);
  const unkeptA = vocabSize - a.ids.length;
  const unkeptB = vocabSize - b.ids.length;
  return {
    common,
    onlyA,
    onlyB,
    // Rounded log-probabilities may add up to a little more than one; with every token kept, nothing is left.
    tailA: unkeptA <= 0 ? 0 : Math.max(0, 1 - keptA),
    tailB: unkeptB <= 0 ? 0 : Math.max(0, 1 - keptB),
    leastA: lastProb(a),
    leastB: lastProb(b),
    restCount: Math.max(0, vocabSize - common.length - onlyA.length - onlyB.length),
    unkeptA: Math.max(0, unkeptA),
    unkeptB: Math.max(0, unkeptB),
  };
}

function lastProb({ logProbs }: TopTokens): number {
  return logProbs.length === 0 ? 1 : Math.exp(logProbs[logProbs.length - 1]!);
}

/** The least value of a convex function over 0…most. */
function minimise(f: (x: number) => number, most: number): number {
  let [low, high] = [0, most];
  for (let step = 0; step < 60 && high - low > 1e-12; step++) {
    const third = (high - low) / 3;
    if (f(low + third) <= f(high - third)) high -= third;
    else low += third;
  }
  return Math.min(f(low), f(high), f((low + high) / 2), f(0), f(most));
}

function total(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0);
}
