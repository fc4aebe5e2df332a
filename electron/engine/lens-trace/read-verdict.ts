import { describeVerdict, type Verdict, type VerdictLanguage } from '../readability/verdict.ts';
import { findSubject } from './concept-set.ts';
import type { ConceptTrace, LensTrace } from './lens-trace.ts';

export { listVerdict } from '../readability/verdict.ts';

/** As much of a trace as its verdict follows from; a header has it too. */
export interface JudgedTrace {
  readonly model: Pick<LensTrace['model'], 'numLayers'>;
  readonly concepts: readonly Pick<ConceptTrace, 'id' | 'label' | 'role' | 'parent' | 'finding'>[];
}

/**
 * What a trace shows, in plain sentences.
 *
 * @returns null for traces from before concepts were judged by whole words and controls
 */
export function readVerdict({ model, concepts }: JudgedTrace, language: VerdictLanguage): Verdict | null {
  const judged = concepts.flatMap(({ id, label, finding }) =>
    finding === undefined ? [] : [{ id, label, finding }],
  );
  if (judged.length === 0) return null;
  return describeVerdict(
    { numLayers: model.numLayers, subject: findSubject({ concepts }), concepts: judged },
    language,
  );
}
