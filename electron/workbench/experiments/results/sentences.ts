import type { ConditionResult, ExperimentResults, HypothesisResult } from '../../../contract/experiments.ts';
import { readabilityRule } from '../../../engine/readability/rule.ts';
import type { Plan } from '../plan/plan.ts';
import { conditionWords, sentenceWords } from './sentence-words.ts';

type Language = 'en' | 'ru';
type Both<T> = { readonly en: T; readonly ru: T };

/** Says the same in both languages. */
export function inBoth<T>(say: (language: Language) => T): { en: T; ru: T } {
  return { en: say('en'), ru: say('ru') };
}

interface Judged {
  readonly plan: Plan;
  readonly hypotheses: readonly HypothesisResult[];
  readonly conditions: readonly ConditionResult[];
  readonly subject: string | null;
}

/** What came out, the most important first. "Is readable at", never "knows" or "uses". */
export function describeResults(judged: Judged, language: Language): string[] {
  const words = sentenceWords[language];
  const { plan, hypotheses, conditions, subject } = judged;
  const numJudged = conditions.filter(({ lens }) => lens !== 'raw').length;
  const which = (index: number) =>
    numJudged === 1 ? '' : `${nameCondition(conditions[index]!, language)}: `;
  const about = conditions.flatMap((condition, index) => {
    if (condition.lens === 'raw') return [];
    const concept = condition.concepts.find(({ id }) => id === subject);
    if (concept === undefined) return [];
    const leak = condition.leaks.includes(concept.id) ? [words.leak(concept.label[language])] : [];
    return [`${which(index)}${words.subject(concept, condition)}`, ...leak];
  });
  return [
    ...(plan.hypotheses.length === 0 ? [words.exploratory] : []),
    ...hypotheses.map(
      (hypothesis) => `${which(hypothesis.condition)}${words.hypothesis(hypothesis, plan.statistics.level)}`,
    ),
    ...about,
  ];
}

/** What the raw lens shows otherwise than the corrected one, and why; null without both. */
export function describeDifference(
  conditions: readonly ConditionResult[],
  language: Language,
): string | null {
  const raw = conditions.find(({ lens }) => lens === 'raw');
  const corrected = conditions.find(
    ({ lens, prompt, modelSha256 }) =>
      lens === 'logit' && prompt === raw?.prompt && modelSha256 === raw.modelSha256,
  );
  if (raw === undefined || corrected === undefined) return null;
  const before = raw.ranks[0]?.ofLabel.slice(0, -1) ?? [];
  const otherwise = raw.leading.filter(
    ({ tokens }, layer) => tokens[0]!.text !== corrected.leading[layer]!.tokens[0]!.text,
  );
  return sentenceWords[language].difference({
    same: before.reduce((sum, each) => sum + each, 0),
    cells: before.length * raw.photographs,
    layers: otherwise.length,
    numLayers: raw.layers.length,
  });
}

/** Every n, test, interval and correction that numbers of the results come from. */
export function describeMethods({ plan, hypotheses, conditions }: Judged, language: Language): string[] {
  const words = sentenceWords[language];
  const [first] = conditions;
  if (first === undefined) return [];
  const { samples, seed, level } = plan.statistics;
  const controls = conditions.flatMap((condition) => condition.controls ?? []);
  const numTests = hypotheses.filter(({ p }) => p !== null).length * 2;
  const curves = conditions.flatMap(({ concepts }) => concepts.flatMap((concept) => concept.curves ?? []));
  const attainable = curves.flatMap(({ attainableP }) => attainableP ?? []);
  return [
    words.unit(first.photographs, first.patients),
    ...(controls.length === 0
      ? [words.noControls]
      : [words.rule(Math.min(...controls), readabilityRule.minControls)]),
    words.intervals(samples, seed),
    ...(attainable.length === 0 ? [] : [words.maxT(Math.max(...attainable), samples)]),
    ...(numTests === 0 ? [] : [words.holm(numTests, level)]),
  ];
}

export function nameCondition(
  {
    modelName,
    prompt,
    lens,
    fittedLens,
  }: Pick<ConditionResult, 'modelName' | 'prompt' | 'lens' | 'fittedLens'>,
  language: Language,
): string {
  const { lens: lensNames, quote } = conditionWords[language];
  const which = fittedLens === null ? '' : ` ${quote(fittedLens.name)}`;
  return `${modelName}, ${quote(prompt)}, ${lensNames[lens]}${which}`;
}

export function bothSentences(judged: Judged): Pick<ExperimentResults, 'verdict' | 'methods' | 'difference'> {
  const difference: Both<string | null> = inBoth((language) =>
    describeDifference(judged.conditions, language),
  );
  return {
    verdict: inBoth((language) => describeResults(judged, language)),
    methods: inBoth((language) => describeMethods(judged, language)),
    difference:
      difference.en === null || difference.ru === null ? null : { en: difference.en, ru: difference.ru },
  };
}
