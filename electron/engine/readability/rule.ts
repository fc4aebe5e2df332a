import { logOddsOf } from './statistics/log-probability.ts';

/**
 * When a concept counts as readable. The only place for these numbers; window, terminal and exports all take them from here.
 *
 * @see LENS, "When is a concept readable?"
 */
export const readabilityRule = {
  /** Stored with every trace that was judged by it. */
  id: 'fundus-lens.readability/1',
  /** Controls that a concept is compared with at least; with fewer it is not asked. */
  minControls: 39,
  /** Highest rank p against the controls, and highest p of the token null whatever the number of concepts. */
  level: 0.05,
  /**
   * False-discovery rate over concepts, of the token null's p: the rank p is too coarse for it, since 39 controls allow no
   * less than 0.025 and 47 concepts would have to be found together. Half the level, because token sets that are drawn from
   * one vocabulary share tokens, so that their p is a little too small.
   */
  falseDiscoveryRate: 0.025,
  /** Nats of log-odds over the highest control. */
  minEffect: 1,
  /** Random token sets of the token null at least. */
  minTokenSets: 1999,
  /** Added to the scaled deviation of the controls, nats, so that controls which agree closely do not make everything stand out. */
  deviationFloor: 0.25,
  /** ln of the least probability that is told from nothing; what lies below counts as equal to it. */
  minLogProb: Math.log(1e-3),
} as const;

/** Token sets that are drawn when so many concepts are judged together: enough that one of them alone can be found. */
export function countTokenSets(numConcepts: number): number {
  return Math.max(readabilityRule.minTokenSets, Math.ceil(numConcepts / readabilityRule.falseDiscoveryRate));
}

/** Log-odds that everything less likely is set to, in the trace and in its controls alike. */
export const floorLogOdds = logOddsOf(readabilityRule.minLogProb);

/** A branch of word continuations is followed while it could bring at least this much probability at some layer. */
export const branchFloor = readabilityRule.minLogProb - Math.log(4);

/** Log-odds as the rule compares them. */
export function clipToFloor(logOdds: number): number {
  return Math.max(logOdds, floorLogOdds);
}
