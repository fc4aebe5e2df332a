import type { Generated } from '../lens-trace/lens-trace.ts';
import type { TraceHooks } from '../progress/trace-hooks.ts';
import type { EngineTraceRequest } from './engine-trace-request.ts';
import { generate } from './generate.ts';
import type { ModelCache } from './model-cache.ts';
import { openModel } from './open-model.ts';
import { encodeInput, readInput } from './read-input.ts';
import { openInput } from './trace-input.ts';

/**
 * The model's own answer, greedily, without a lens.
 *
 * @throws whatever `trace` throws
 */
export async function answerPrompt(
  request: EngineTraceRequest,
  hooks: TraceHooks,
  models: ModelCache,
): Promise<Generated> {
  const { model } = await openModel(models, request, hooks);
  const input = await openInput(model, request, models.prefixes.facts, hooks);
  const encoded = await encodeInput(model, models.prefixes, input, [], hooks);
  const reading = await readInput(model, input, encoded, request, hooks);
  const { ids, ended } = await generate(model, reading, request, hooks);
  await model.head.rest();
  return { ids: [...ids], text: model.checkpoint.tokenizer.decode(ids), ended };
}
