import { signFlipTest } from '../../engine/readability/groups/max-t.ts';
import { averageByPatient, bootstrapMean } from '../../engine/readability/groups/patients.ts';
import type { CausalReading, KnockedOutEdges, PositionSet } from '../../engine/lens-trace/causal-request.ts';

/** What a pair is: of opposite labels, or of one label as the negative control. */
export type PairKind = 'opposite' | 'same-label';

/** One checked pair. No patient may be in two pairs of a kind: the pair is the unit. */
export interface CheckedPair {
  readonly kind: PairKind;
  readonly reading: CausalReading;
}

/** A mean over pairs by layer, with its 95 % bootstrap interval over pairs and a sign-flip test with max-T over layers. */
export interface EffectCurve {
  readonly pairs: number;
  readonly mean: number[];
  readonly lower: number[];
  readonly upper: number[];
  /** null for fewer than two pairs. */
  readonly correctedP: number[] | null;
}

/** Of one position set, before block l = 0…L; L is after the last. */
export interface SetEffect {
  readonly set: PositionSet;
  /** Clean states in the corrupt run: R, 1 where all of the difference moves. */
  readonly sufficiency: EffectCurve;
  /** Corrupt states in the clean run: 1 − R. */
  readonly necessity: EffectCurve;
}

export interface PairStatistics {
  /** Pairs of opposite labels that were checked, and those whose answers differ by too little for an R. */
  readonly opposite: number;
  readonly leftOut: number;
  /** Mean of m_clean − m_corrupt over the pairs that have an R, logit units. */
  readonly difference: number;
  readonly sets: SetEffect[];
  /** The same of pairs of one label, in units of `difference`; empty without. */
  readonly sameLabel: SetEffect[];
  /** The finding's region less as many irrelevant tokens, pair by pair; null without a region. */
  readonly regionOverIrrelevant: Omit<SetEffect, 'set'> | null;
  /** Share of the clean margin's lead that is lost, all image states replaced by their mean. null without pairs. */
  readonly meanAblated: EffectCurve | null;
  /** Share of the lead that is lost without the looks, and without as many random ones, by first layer of the window. */
  readonly knockouts: {
    readonly edges: KnockedOutEdges;
    readonly window: number;
    readonly knockedOut: EffectCurve;
    readonly random: EffectCurve;
  }[];
  /** By layer 0…L: whether "uses" may be said. Everywhere else it is "readable at". */
  readonly uses: boolean[];
  /** Why it may be said nowhere; null where it may be somewhere. */
  readonly withheld: 'too-few-pairs' | 'no-region' | 'no-negative-control' | 'intervals' | null;
}

/** Below this, the answers to both images are too much alike for an R, logit units. */
export const leastDifference = 1;
/** Pairs of patients below which "uses" is never said. */
export const leastPairs = 20;
const level = 0.05;

/**
 * What pairs say together. "Uses" is said of a layer 1…L only where of at least {@link leastPairs} pairs both directions'
 * intervals of the finding's region exclude 0, after correction over layers too, both exceed the irrelevant region's pair by
 * pair, and pairs of one label move nothing there. Before block 0 R is 1 by construction, which is no finding.
 *
 * @param pairs of one model, prompt and contrast
 * @throws RangeError of no pair of opposite labels whose answers differ
 */
export function summarisePairs(pairs: readonly CheckedPair[], samples: number, seed: number): PairStatistics {
  const opposite = pairs.filter(({ kind }) => kind === 'opposite').map(({ reading }) => reading);
  const told = opposite.filter(({ clean, corrupt }) => Math.abs(clean - corrupt) >= leastDifference);
  if (told.length === 0) throw new RangeError('no pair whose answers differ');
  const difference = mean(told.map(({ clean, corrupt }) => clean - corrupt));
  const alike = pairs.filter(({ kind }) => kind === 'same-label').map(({ reading }) => reading);
  const summarise = (curves: readonly (readonly number[])[]) => summariseCurves(curves, samples, seed);
  const effects = (readings: readonly CausalReading[], unit: (reading: CausalReading) => number) =>
    setsOf(readings).map((set): SetEffect => {
      const { intoCorrupt, intoClean } = effectsOf(readings, set, unit);
      return { set, sufficiency: summarise(intoCorrupt), necessity: summarise(intoClean) };
    });
  const ownUnit = ({ clean, corrupt }: CausalReading) => clean - corrupt;
  const sets = effects(told, ownUnit);
  const sameLabel = effects(alike, () => difference);
  const hasRegion = sets.some(({ set }) => set === 'region') && sets.some(({ set }) => set === 'irrelevant');
  const regionOverIrrelevant = hasRegion ? overIrrelevant() : null;
  const lost = (curve: Float32Array, reading: CausalReading) =>
    Array.from(curve, (value) => (reading.clean - value) / ownUnit(reading));
  const judged = judge(told.length, sets, sameLabel, regionOverIrrelevant);
  return {
    ...{ opposite: opposite.length, leftOut: opposite.length - told.length, difference },
    ...{ sets, sameLabel, regionOverIrrelevant },
    meanAblated: summarise(told.map((reading) => lost(reading.meanAblated, reading))),
    knockouts: told[0]!.knockouts.map(({ edges, window }, index) => ({
      ...{ edges, window },
      knockedOut: summarise(told.map((reading) => lost(reading.knockouts[index]!.knockedOut, reading))),
      random: summarise(told.map((reading) => lost(reading.knockouts[index]!.random, reading))),
    })),
    ...judged,
  };

  function overIrrelevant(): Omit<SetEffect, 'set'> {
    const region = effectsOf(told, 'region', ownUnit);
    const irrelevant = effectsOf(told, 'irrelevant', ownUnit);
    const less = (a: number[][], b: number[][]) =>
      summarise(a.map((curve, pair) => curve.map((value, layer) => value - b[pair]![layer]!)));
    return {
      sufficiency: less(region.intoCorrupt, irrelevant.intoCorrupt),
      necessity: less(region.intoClean, irrelevant.intoClean),
    };
  }
}

function judge(
  numPairs: number,
  sets: readonly SetEffect[],
  sameLabel: readonly SetEffect[],
  over: Omit<SetEffect, 'set'> | null,
): Pick<PairStatistics, 'uses' | 'withheld'> {
  const numLayers = sets[0]!.sufficiency.mean.length;
  const never = Array.from({ length: numLayers }, () => false);
  if (over === null) return { uses: never, withheld: 'no-region' };
  if (sameLabel.length === 0) return { uses: never, withheld: 'no-negative-control' };
  if (numPairs < leastPairs) return { uses: never, withheld: 'too-few-pairs' };
  const region = sets.find(({ set }) => set === 'region')!;
  const control = sameLabel.find(({ set }) => set === 'region') ?? sameLabel[0]!;
  const isAbove = ({ lower, correctedP }: EffectCurve, layer: number) =>
    lower[layer]! > 0 && correctedP !== null && correctedP[layer]! <= level;
  const isNothing = ({ correctedP }: EffectCurve, layer: number) =>
    correctedP !== null && correctedP[layer]! > level;
  const both = ({ sufficiency, necessity }: Omit<SetEffect, 'set'>) => [sufficiency, necessity];
  const uses = never.map(
    (_, layer) =>
      layer > 0 &&
      [...both(region), ...both(over)].every((curve) => isAbove(curve, layer)) &&
      both(control).every((curve) => isNothing(curve, layer)),
  );
  return { uses, withheld: uses.includes(true) ? null : 'intervals' };
}

/** Position sets that every reading has. */
function setsOf(readings: readonly CausalReading[]): PositionSet[] {
  const [first] = readings;
  if (first === undefined) return [];
  return first.patches
    .map(({ set }) => set)
    .filter((set) => readings.every(({ patches }) => patches.some((patch) => patch.set === set)));
}

/** By pair, [L + 1]: how far the answer went towards the other image's, in units of what the pair differs by. */
function effectsOf(
  readings: readonly CausalReading[],
  wanted: PositionSet,
  unit: (reading: CausalReading) => number,
): { intoCorrupt: number[][]; intoClean: number[][] } {
  const patchOf = ({ patches }: CausalReading) => patches.find(({ set }) => set === wanted)!;
  return {
    intoCorrupt: readings.map((reading) =>
      Array.from(patchOf(reading).intoCorrupt, (value) => (value - reading.corrupt) / unit(reading)),
    ),
    intoClean: readings.map((reading) =>
      Array.from(patchOf(reading).intoClean, (value) => (reading.clean - value) / unit(reading)),
    ),
  };
}

function summariseCurves(curves: readonly (readonly number[])[], samples: number, seed: number): EffectCurve {
  const units = averageByPatient(curves.map((curve, pair) => ({ patient: String(pair), curve })));
  const { mean: means, lower, upper } = bootstrapMean(units, samples, seed);
  const test = curves.length < 2 ? null : signFlipTest(curves, samples, seed);
  return { pairs: curves.length, mean: means, lower, upper, correctedP: test?.correctedP ?? null };
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
