import { FundusLensError } from '../contract/errors.ts';
import { limitDetail } from './image/limit-detail.ts';
import { openImage } from './image/open-image.ts';
import { imagePositions } from './lens-trace/image-tokens.ts';
import { requireMemory } from './memory/fit-memory.ts';
import { composePrompt } from './model/compose-prompt.ts';
import { DecoderRun, embedPrompt } from './model/decoder-run.ts';
import { firstFeatures } from './model/embed-tokens.ts';
import { encodeImages } from './model/vision-encoder.ts';
import { resolveContrast } from './stages/resolve-contrast.ts';
import { reportProgress, type TraceHooks } from './progress/trace-hooks.ts';
import type { ModelCache } from './stages/model-cache.ts';
import { poolTokens } from './stages/pool-tokens.ts';
import type { FeatureArray, TapFeatures, TapRequest } from './stages/tap-request.ts';
import { concatenate } from './weights/concatenate.ts';

/**
 * Reads features of an image from inside the model: vision tower, then decoder blocks 1…max(layers), and no further.
 *
 * @throws FundusLensError `model.*`, `image.*`, `prompt.*`, `provider.unavailable`, `input.invalid`, `trace.too-large`;
 *   `engine.cancelled` when the hooks' signal aborts
 */
export async function tap(request: TapRequest, hooks: TraceHooks, models: ModelCache): Promise<TapFeatures> {
  const model = await models.open(request.modelDir, request.provider, hooks);
  const { checkpoint, fingerprint, provider, vision, decoder } = model;
  const { numLayers, dModel } = checkpoint.config.decoder;
  const layers = checkLayers(request.layers, numLayers);
  const processor = limitDetail(checkpoint.imageProcessor, request.maxPixels ?? null);
  const contrast =
    request.contrast === undefined ? null : resolveContrast(checkpoint.tokenizer, request.contrast);
  const image = await openImage(request.imagePath, processor, models.prefixes.facts, hooks);
  const prompt = composePrompt(checkpoint, request.prompt, image.grid, 0);
  const length = prompt.tokenIds.length;
  const ofTokens = imagePositions(prompt);
  const numTokens = ofTokens.length;
  await requireMemory(model, image.grid, length, numTokens + 1);

  await reportProgress(hooks, 'vision', 0, 1);
  const [encoded] = await encodeImages(model, [{ grid: image.grid, pixelValues: await image.pixelValues() }]);
  const visionTokens = firstFeatures(checkpoint, encoded!);
  await vision.rest();
  await reportProgress(hooks, 'vision', 1, 1);

  await reportProgress(hooks, 'decoder', 0, 1);
  const depth = layers.at(-1)!;
  await model.limitDepth(depth);
  const run = new DecoderRun(model, prompt, { maxLength: length, keepCache: false, depth });
  const positions = [...ofTokens, length - 1];
  const residual = await run.readLayers(embedPrompt(model, prompt, encoded!), positions, layers);
  await decoder.rest();
  await reportProgress(hooks, 'decoder', 1, 1);

  const lastRows = concatenate(residual.map((rows) => rows.subarray(numTokens * dModel)));
  let margins: FeatureArray | null = null;
  if (contrast !== null) {
    const skipNorm = layers.map(() => false);
    const { conceptLogProb } = await model.head.read(lastRows, 1, skipNorm, 1, contrast);
    margins = {
      shape: [layers.length],
      data: Float32Array.from(layers, (_, at) => conceptLogProb[at * 2]! - conceptLogProb[at * 2 + 1]!),
    };
  }

  const numLayersRead = layers.length;
  const ofImage = residual.map((rows) => rows.subarray(0, numTokens * dModel));
  const pooled = ofImage.map((rows) => poolTokens(rows, dModel));
  const stack = (parts: readonly Float32Array[], ...shape: number[]): FeatureArray => ({
    shape,
    data: concatenate(parts),
  });
  return {
    model: {
      id: checkpoint.id,
      sha256: fingerprint.sha256,
      numLayers,
      dModel,
      provider: provider.provider,
    },
    image: { sha256: image.sha256, resized: image.resized, cells: prompt.cells },
    layers,
    visionMean: { shape: [dModel], data: poolTokens(visionTokens, dModel).mean },
    visionTokens: request.perToken ? { shape: [numTokens, dModel], data: visionTokens } : null,
    imageMean: stack(
      pooled.map(({ mean }) => mean),
      numLayersRead,
      dModel,
    ),
    lastPosition: { shape: [numLayersRead, dModel], data: lastRows },
    imageTokens: request.perToken ? stack(ofImage, numLayersRead, numTokens, dModel) : null,
    numSinks: pooled.map(({ numSinks }) => numSinks),
    margins,
  };
}

/** @returns ascending, each once */
function checkLayers(layers: readonly number[], numLayers: number): number[] {
  const outside = layers.filter((layer) => !Number.isInteger(layer) || layer < 1 || layer > numLayers);
  if (layers.length > 0 && outside.length === 0) return [...new Set(layers)].sort((a, b) => a - b);
  throw new FundusLensError('input.invalid', 'These layers cannot be read.', {
    expected: `one or more whole numbers from 1 to ${numLayers}, the number of decoder blocks`,
    found: outside.length > 0 ? outside.slice(0, 8).join(', ') : 'none',
    advice: 'Name layers of this model; `fundus-lens inspect` says how many it has.',
  });
}
