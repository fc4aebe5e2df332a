import type { ResolvedConcept } from '../lens/resolve-concepts.ts';
import type { LoadedModel } from '../model/model.ts';
import type { TraceHooks } from '../progress/trace-hooks.ts';
import type { ControlReadings } from './control-readings.ts';
import type { ModelCache } from './model-cache.ts';
import { areOfImage, type TraceInput } from './trace-input.ts';
import type { EngineTraceRequest } from './engine-trace-request.ts';

/** Reads the request's controls; null when there are none, or the trace has no image and is a control itself. */
export async function compareWithControls(
  models: ModelCache,
  model: LoadedModel,
  request: EngineTraceRequest,
  input: TraceInput,
  concepts: readonly ResolvedConcept[],
  hooks: TraceHooks,
): Promise<ControlReadings | null> {
  if (request.controls === null || input.image === null) return null;
  const { maxPixels = null } = request;
  const imagePositions = areOfImage(input).includes(true);
  return models.readControls(model, { ...request, maxPixels, concepts, imagePositions }, hooks);
}
