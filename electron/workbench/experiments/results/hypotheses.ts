import type { HypothesisResult } from '../../../contract/experiments.ts';
import {
  exactInterval,
  holm,
  lowerTail,
  upperTail,
} from '../../../engine/readability/statistics/binomial.ts';
import type { Observation } from './condition-result.ts';
import type { DigestConcept } from './digest.ts';
import type { Plan } from '../plan/plan.ts';

type Hypothesis = Plan['hypotheses'][number];
type Counted = Omit<HypothesisResult, 'verdict' | 'correctedP' | 'correctedPAgainst'>;

/**
 * Judges every hypothesis under every condition of the logit lens, corrected over all of them. The unit is the patient.
 *
 * @param conditions by their index in the results; those of the raw lens left out, which is never judged
 */
export function judgeHypotheses(
  { hypotheses, statistics }: Pick<Plan, 'hypotheses' | 'statistics'>,
  conditions: ReadonlyMap<number, readonly Observation[]>,
): HypothesisResult[] {
  const counted = [...conditions].flatMap(([condition, observations]) =>
    hypotheses.map((hypothesis) => countPatients(hypothesis, condition, observations)),
  );
  // Both sides of every hypothesis are one family.
  const corrected = holm(counted.flatMap(({ p, pAgainst }) => (p === null ? [] : [p, pAgainst!])));
  let next = 0;
  return counted.map((result): HypothesisResult => {
    if (result.p === null)
      return { ...result, verdict: 'not-asked', correctedP: null, correctedPAgainst: null };
    const [correctedP, correctedPAgainst] = [corrected[next]!, corrected[next + 1]!];
    next += 2;
    const verdict =
      correctedP <= statistics.level
        ? 'holds'
        : correctedPAgainst <= statistics.level
          ? 'fails'
          : 'undecided';
    return { ...result, verdict, correctedP, correctedPAgainst };
  });
}

function countPatients(
  hypothesis: Hypothesis,
  condition: number,
  observations: readonly Observation[],
): Counted {
  const found = observations.flatMap(({ patient, digest }) => {
    const concept = digest.concepts.find(({ id }) => id === hypothesis.concept);
    return concept === undefined ? [] : [{ patient, concept }];
  });
  const asked = found.filter(
    ({ concept }) => concept.state === 'readable' || concept.state === 'not-readable',
  );
  const patients = [...Map.groupBy(asked, ({ patient }) => patient).values()];
  const counted = patients.filter(
    (own) => 2 * own.filter(({ concept }) => isAsExpected(hypothesis, concept)).length >= own.length,
  ).length;
  const n = patients.length;
  return {
    ...hypothesis,
    label: found[0]?.concept.label ?? { en: hypothesis.concept, ru: hypothesis.concept },
    condition,
    patients: n,
    counted,
    interval: n === 0 ? null : exactInterval(counted, n),
    p: n === 0 ? null : upperTail(counted, n, hypothesis.share),
    pAgainst: n === 0 ? null : lowerTail(counted, n, hypothesis.share),
  };
}

function isAsExpected({ expect, by }: Hypothesis, { layer }: DigestConcept): boolean {
  if (expect === 'never') return layer === null;
  return layer !== null && (by === null || layer <= by);
}
