import { FundusLensError } from '../../contract/errors.ts';
import { limitDetail } from '../image/limit-detail.ts';
import { openImage } from '../image/open-image.ts';
import type { ProviderChoice } from '../lens-trace/lens-trace.ts';
import { plainLensOf, type Lens } from '../lens/lens.ts';
import { readLens } from '../lens/read-lens.ts';
import { requireMemory } from '../memory/fit-memory.ts';
import { composePrompt } from '../model/compose-prompt.ts';
import { DecoderRun, embedPrompt } from '../model/decoder-run.ts';
import type { LoadedModel } from '../model/model.ts';
import { encodePrefixes } from '../prefix-cache/image-prefix.ts';
import { reportProgress, type TraceHooks } from '../progress/trace-hooks.ts';
import type { ModelCache } from '../stages/model-cache.ts';
import { AffineFit, type AffineMap } from '../fitted-lens/affine-fit.ts';
import { mapThrough } from '../fitted-lens/open-lens.ts';
import type { Shortcut } from '../fitted-lens/shortcut-file.ts';

export interface ShortcutRequest {
  readonly modelDir: string;
  readonly provider: ProviderChoice;
  readonly prompt: string;
  readonly maxPixels: number | null;
  /** Images that the maps are fitted on. */
  readonly fitted: readonly string[];
  /** Other images, of other patients, on which the error is measured. */
  readonly heldOut: readonly string[];
  /** Pull towards the logit lens, as a share of the inputs' mean square. */
  readonly ridge: number;
}

/**
 * Fits a linear shortcut on one's own prompt and images, and measures it on others.
 *
 * A row counts by 1 / mean(h[L]²): the final norm divides by that, and without it a few positions of enormous norm would be all
 * that is fitted.
 *
 * @throws FundusLensError `model.*`, `image.*`, `prompt.*`, `provider.unavailable`, `trace.too-large`; `input.invalid` without
 *   images to fit on or to measure on, or with too few of them; `engine.cancelled` when the hooks' signal aborts
 * @see Din et al., "Jump to Conclusions: Short-Cutting Transformers With Linear Transformations" (2023)
 */
export async function fitShortcut(
  request: ShortcutRequest,
  hooks: TraceHooks,
  models: ModelCache,
): Promise<Shortcut> {
  const { fitted, heldOut, ridge, prompt } = request;
  if (fitted.length === 0 || heldOut.length === 0)
    throw new FundusLensError(
      'input.invalid',
      'A shortcut is fitted on some images and measured on others.',
      {
        expected: 'images of both kinds',
        found: `${fitted.length} to fit on, ${heldOut.length} to measure on`,
        advice: 'Give more images; no patient should be among both.',
      },
    );
  const model = await models.open(request.modelDir, request.provider, hooks);
  const { checkpoint, fingerprint } = model;
  const { numLayers, dModel } = checkpoint.config.decoder;
  await model.limitDepth(numLayers);
  const images = { fitted: new Array<string>(), heldOut: new Array<string>() };
  const total = fitted.length + heldOut.length;
  const fits = Array.from({ length: numLayers }, () => new AffineFit(dModel));
  for (const [index, file] of fitted.entries()) {
    await reportProgress(hooks, 'decoder', index, total);
    const { states, sha256 } = await readStates(model, models, request, file, hooks);
    addRows(fits, states, dModel);
    images.fitted.push(sha256);
  }
  const maps = fits.map((fit) => solve(fit, ridge));
  const shortcut = { ...plainLensOf.logit, map: mapThrough(maps) };
  const sums = [newSums(numLayers), newSums(numLayers)] as const;
  for (const [index, file] of heldOut.entries()) {
    await reportProgress(hooks, 'decoder', fitted.length + index, total);
    const { states, sha256 } = await readStates(model, models, request, file, hooks);
    images.heldOut.push(sha256);
    addErrors(
      sums,
      {
        logit: await readError(model, states, plainLensOf.logit),
        lens: await readError(model, states, shortcut),
      },
      numLayers + 1,
    );
  }
  await model.decoder.rest();
  await model.head.rest();
  const [positions, answer] = sums.map(({ count, logit, lens }) => ({
    logit: logit.map((sum) => sum / count),
    lens: lens.map((sum) => sum / count),
  }));
  return {
    model: { id: checkpoint.id, sha256: fingerprint.sha256, numLayers, dModel },
    ...{ prompt, maxPixels: request.maxPixels, ridge, maps, rows: fits[0]!.rows, images },
    error: { positions: positions!, answer: answer! },
  };
}

/** The file's SHA-256 and, by layer 0…L, float32 [P, D]: from the first image token to the answer. */
async function readStates(
  model: LoadedModel,
  { prefixes }: Pick<ModelCache, 'prefixes'>,
  { prompt: text, maxPixels }: Pick<ShortcutRequest, 'prompt' | 'maxPixels'>,
  file: string,
  hooks: TraceHooks,
): Promise<{ readonly sha256: string; readonly states: readonly Float32Array[] }> {
  const { checkpoint } = model;
  const processor = limitDetail(checkpoint.imageProcessor, maxPixels);
  const image = await openImage(file, processor, prefixes.facts, hooks);
  const prompt = composePrompt(checkpoint, text, image.grid, 0);
  const length = prompt.tokenIds.length;
  await requireMemory(model, image.grid, length, length);
  const [encoded] = await encodePrefixes(model, prefixes, [{ image, prompt }]);
  const run = new DecoderRun(model, prompt, { maxLength: length, keepCache: false });
  const [start] = prompt.imageSpan!;
  const rows = Array.from({ length: length - start }, (_, row) => start + row);
  return { sha256: image.sha256, states: await run.fill(embedPrompt(model, prompt, encoded!), rows) };
}

function addRows(fits: readonly AffineFit[], states: readonly Float32Array[], dModel: number): void {
  const final = states.at(-1)!;
  for (let start = 0; start < final.length; start += dModel) {
    const y = final.subarray(start, start + dModel);
    const weight = dModel / y.reduce((sum, value) => sum + value * value, 0);
    fits.forEach((fit, layer) => fit.add(states[layer]!.subarray(start, start + dModel), y, weight));
  }
}

function solve(fit: AffineFit, ridge: number): AffineMap {
  try {
    return fit.solve(ridge);
  } catch (error) {
    throw new FundusLensError('input.invalid', 'These images do not determine a shortcut.', {
      expected: `more than ${fit.width} positions that differ, or a larger ridge`,
      found: `${fit.rows} positions, ridge ${ridge}`,
      advice: 'Give more images.',
      cause: error,
    });
  }
}

interface Sums {
  count: number;
  readonly logit: number[];
  readonly lens: number[];
}

function newSums(numLayers: number): Sums {
  const zeros = () => new Array<number>(numLayers + 1).fill(0);
  return { count: 0, logit: zeros(), lens: zeros() };
}

/** KL(p[L] ‖ p[l]), float32 [L + 1, P], nats. */
async function readError(
  { head }: LoadedModel,
  states: readonly Float32Array[],
  lens: Lens,
): Promise<Float32Array> {
  const { klToFinal } = await readLens(head, states, { lens, topK: 1, concepts: [[0]] }, {});
  return klToFinal;
}

function addErrors(
  [all, answer]: readonly [Sums, Sums],
  errors: Readonly<Record<'logit' | 'lens', Float32Array>>,
  numLayers: number,
): void {
  const numPositions = errors.logit.length / numLayers;
  all.count += numPositions;
  answer.count += 1;
  for (const lens of ['logit', 'lens'] as const)
    errors[lens].forEach((value, cell) => {
      const layer = Math.floor(cell / numPositions);
      all[lens][layer]! += value;
      if (cell % numPositions === numPositions - 1) answer[lens][layer]! += value;
    });
}
