import { RankCounter } from '../lens/count-larger.ts';

/** Nats by which the reference's first token must be ahead of its second for a row to count as clear. */
const clearMargin = 0.1;

export interface RowComparison {
  readonly sameTop: boolean;
  readonly clear: boolean;
  /** KL(reference ‖ prepared), nats. */
  readonly kl: number;
  /** By concept: log-probability, nats, and rank, of the reference and of the prepared weights. */
  readonly concepts: readonly { readonly reference: ConceptReading; readonly prepared: ConceptReading }[];
}

export interface ConceptReading {
  readonly logProb: number;
  readonly rank: number;
}

/**
 * Compares two rows of logits over the same vocabulary.
 *
 * @param reference float32 [V]
 * @param prepared float32 [V]
 * @param concepts token ids by concept
 */
export function compareLogits(
  reference: Float32Array,
  prepared: Float32Array,
  concepts: readonly (readonly number[])[],
): RowComparison {
  const a = summarise(reference);
  const b = summarise(prepared);
  let kl = 0;
  for (let id = 0; id < reference.length; id++) {
    const logProb = reference[id]! - a.logSumExp;
    kl += Math.exp(logProb) * (logProb - (prepared[id]! - b.logSumExp));
  }
  return {
    sameTop: a.top === b.top,
    clear: a.margin >= clearMargin,
    kl: Math.max(0, kl),
    concepts: pairUp(
      readConcepts(reference, a.logSumExp, concepts),
      readConcepts(prepared, b.logSumExp, concepts),
    ),
  };
}

/** Spearman's correlation of two lists; ties take their mean rank. NaN for constant lists. */
export function rankCorrelation(a: readonly number[], b: readonly number[]): number {
  return correlation(meanRanks(a), meanRanks(b));
}

function summarise(logits: Float32Array) {
  let top = 0;
  let second = -Infinity;
  for (let id = 1; id < logits.length; id++) {
    const logit = logits[id]!;
    if (logit > logits[top]!) {
      second = logits[top]!;
      top = id;
    } else if (logit > second) second = logit;
  }
  const best = logits[top]!;
  let sum = 0;
  for (let id = 0; id < logits.length; id++) sum += Math.exp(logits[id]! - best);
  return { top, margin: best - second, logSumExp: best + Math.log(sum) };
}

const rankCounter = new RankCounter();

/** All ranks in one pass: a vocabulary is long, and concepts are many. */
function readConcepts(
  logits: Float32Array,
  logSumExp: number,
  concepts: readonly (readonly number[])[],
): ConceptReading[] {
  const best = Float32Array.from(concepts, (ids) => Math.max(...ids.map((id) => logits[id]!)));
  const ranks = rankCounter.rank(logits, best);
  return concepts.map((ids, concept) => {
    const top = best[concept]!;
    const sum = ids.reduce((total, id) => total + Math.exp(logits[id]! - top), 0);
    return { logProb: top + Math.log(sum) - logSumExp, rank: ranks[concept]! };
  });
}

function pairUp(reference: readonly ConceptReading[], prepared: readonly ConceptReading[]) {
  return reference.map((reading, concept) => ({ reference: reading, prepared: prepared[concept]! }));
}

function meanRanks(values: readonly number[]): number[] {
  return values.map((value) => {
    const smaller = values.filter((other) => other < value).length;
    const equal = values.filter((other) => other === value).length;
    return smaller + (equal + 1) / 2;
  });
}

function correlation(a: readonly number[], b: readonly number[]): number {
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [meanA, meanB] = [mean(a), mean(b)];
  let product = 0;
  let squareA = 0;
  let squareB = 0;
  a.forEach((value, index) => {
    product += (value - meanA) * (b[index]! - meanB);
    squareA += (value - meanA) ** 2;
    squareB += (b[index]! - meanB) ** 2;
  });
  return product / Math.sqrt(squareA * squareB);
}
