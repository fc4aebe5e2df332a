import type { ImageProcessor } from '../image/image-processor.ts';
import { limitDetail } from '../image/limit-detail.ts';
import { openImage, type ImageFactsCache, type OpenedImage } from '../image/open-image.ts';
import { imagePositions, isImagePosition } from '../lens-trace/image-tokens.ts';
import { requireMemory } from '../memory/fit-memory.ts';
import { composePrompt, type ComposedPrompt } from '../model/compose-prompt.ts';
import type { LoadedModel } from '../model/model.ts';
import type { TraceHooks } from '../progress/trace-hooks.ts';
import { selectPositions } from './select-positions.ts';
import type { EngineTraceRequest } from './engine-trace-request.ts';

/** What goes into the model, and where it is read. */
export interface TraceInput {
  readonly image: OpenedImage | null;
  readonly prompt: ComposedPrompt;
  /** How images are turned into patches, with the request's limit. */
  readonly processor: ImageProcessor;
  /** Positions of the prompt that the trace holds, ascending. */
  readonly positions: readonly number[];
  /** Positions of the prompt whose residual stream is kept: those, the last one for the parity gate, or all for a dump. */
  readonly rowsRead: readonly number[];
}

/**
 * Opens the image and composes the prompt about it.
 *
 * @throws FundusLensError `image.*`, `prompt.*`, `trace.positions`, `trace.too-large`
 */
export async function openInput(
  model: LoadedModel,
  request: EngineTraceRequest,
  seen: ImageFactsCache,
  hooks: TraceHooks,
): Promise<TraceInput> {
  const { imagePath, maxPixels = null, generate, dumpPath } = request;
  const processor = limitDetail(model.checkpoint.imageProcessor, maxPixels);
  const image = imagePath === null ? null : await openImage(imagePath, processor, seen, hooks);
  const prompt = composePrompt(model.checkpoint, request.prompt, image?.grid ?? null, generate);
  const length = prompt.tokenIds.length;
  const positions = selectPositions(request.positions, length, imagePositions(prompt));
  if (image !== null) await requireMemory(model, image.grid, length, positions.length);
  const rowsRead =
    dumpPath === null ? [...new Set([...positions, length - 1])] : Array.from({ length }, (_, at) => at);
  return { image, prompt, processor, positions, rowsRead };
}

/** By position: whether it is one of the image's. */
export function areOfImage({ positions, prompt }: Pick<TraceInput, 'positions' | 'prompt'>): boolean[] {
  return positions.map((position) => isImagePosition(prompt, position));
}
