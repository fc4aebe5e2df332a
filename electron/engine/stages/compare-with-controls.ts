import type { ControlReading } from '../concepts/control-reading.ts';
import { readShuffled } from '../concepts/read-controls.ts';
import { shuffleCells } from '../concepts/shuffle-patches.ts';
import type { WordSet } from '../concepts/word-set.ts';
import type { Lens } from '../lens/lens.ts';
import type { LoadedModel } from '../model/model.ts';
import type { TraceHooks } from '../progress/trace-hooks.ts';
import type { ModelCache } from './model-cache.ts';
import type { TraceInput } from './trace-input.ts';
import type { EngineTraceRequest } from './engine-trace-request.ts';

/**
 * Reads the request's controls: the pictures and the prompt alone, which are remembered, and the traced image with its
 * patches shuffled, which is not.
 *
 * @returns none when there are none, or the trace has no image and is a control itself
 */
export async function compareWithControls(
  models: ModelCache,
  model: LoadedModel,
  request: EngineTraceRequest,
  { image, prompt: composed }: TraceInput,
  words: WordSet,
  lens: Lens,
  hooks: TraceHooks,
): Promise<readonly ControlReading[]> {
  const { controls, prompt, maxPixels = null, controlCache = null } = request;
  if (controls === null || image === null) return [];
  const order = { prompt, maxPixels, lens, imagePaths: controls, words };
  const remembered = await models.readControls(model, order, controlCache, hooks);
  const shuffled = shuffleCells(image, composed.imagePieces, 1);
  return [...remembered, await readShuffled(model, models.prefixes, shuffled, order, hooks)];
}
