import { FundusLensError } from '../../contract/errors.ts';
import type { Lens } from '../lens/lens.ts';
import type { ResolvedConcept } from '../lens/resolve-concepts.ts';
import type { WordSet } from '../concepts/word-set.ts';
import type { LoadedModel } from '../model/model.ts';
import type { TraceHooks } from '../progress/trace-hooks.ts';
import type { ModelCache } from './model-cache.ts';
import type { EngineTraceRequest } from './engine-trace-request.ts';

/**
 * Opens the request's model and lens, and finds the tokens of its concepts.
 *
 * @throws FundusLensError `model.*`, `provider.unavailable`, `trace.top-k`, `lens.*`
 */
export async function openModel(
  models: ModelCache,
  { modelDir, provider, lens, topK, conceptSet }: EngineTraceRequest,
  hooks: TraceHooks,
): Promise<{ model: LoadedModel; lens: Lens; concepts: readonly ResolvedConcept[]; words: WordSet }> {
  const model = await models.open(modelDir, provider, hooks);
  await model.limitDepth(model.checkpoint.config.decoder.numLayers);
  checkTopK(topK, model.head.numTokens);
  const opened = await models.openLens(model, lens);
  const concepts = models.resolve(conceptSet, model);
  await model.head.makeRoomFor(concepts.length);
  return { model, lens: opened, concepts, words: models.resolveWords(conceptSet, model) };
}

function checkTopK(topK: number, numTokens: number): void {
  if (Number.isInteger(topK) && topK >= 1 && topK <= numTokens) return;
  throw new FundusLensError('trace.top-k', 'The number of tokens to keep is out of range.', {
    expected: `a whole number from 1 to ${numTokens}, the size of the vocabulary`,
    found: String(topK),
    advice: 'Use --top-k 10.',
  });
}
