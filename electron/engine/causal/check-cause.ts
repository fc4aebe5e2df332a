import { FundusLensError } from '../../contract/errors.ts';
import { limitDetail } from '../image/limit-detail.ts';
import { openImage } from '../image/open-image.ts';
import { requireMemory } from '../memory/fit-memory.ts';
import { composePrompt, type ComposedPrompt } from '../model/compose-prompt.ts';
import { embedPrompt } from '../model/decoder-run.ts';
import type { LoadedModel, Model } from '../model/model.ts';
import { encodePrefixes } from '../prefix-cache/image-prefix.ts';
import { reportProgress, type TraceHooks } from '../progress/trace-hooks.ts';
import type { ModelCache } from '../stages/model-cache.ts';
import { concatenate } from '../weights/concatenate.ts';
import { BlockRunner } from './block-runner.ts';
import type { CausalReading, CausalRequest } from '../lens-trace/causal-request.ts';
import { choosePositions } from './choose-positions.ts';
import { planBranches, type BranchPlan } from './plan-branches.ts';
import { resolveAnswers } from './resolve-answers.ts';
import { runBranches, type Run } from './run-branches.ts';

/** A pair of runs, opened and planned. */
export interface OpenedPair {
  readonly prompt: ComposedPrompt;
  /** float32 [T, inputWidth] */
  readonly embeds: Readonly<Record<Run, Float32Array>>;
  readonly sha256: Readonly<Record<Run, string>>;
}

/**
 * Asks of one pair of images where between them the difference of the answers is: activationPatching in both directions at
 * every layer, attention knockout, mean ablation.
 *
 * @throws FundusLensError `model.*`, `image.*`, `prompt.*`, `provider.unavailable`, `trace.too-large`; `input.invalid` when the
 *   images' grids differ or the answers begin alike; `engine.cancelled` when the hooks' signal aborts
 */
export async function checkCause(
  request: CausalRequest,
  hooks: TraceHooks,
  models: ModelCache,
): Promise<CausalReading> {
  const model = await models.open(request.modelDir, request.provider, hooks);
  const { checkpoint, fingerprint, provider, head } = model;
  const [tokensA, tokensB] = resolveAnswers(checkpoint.tokenizer, request.contrast);
  const pair = await openPair(model, models, request, hooks);
  const { prompt } = pair;
  // The decoder as a whole makes room for its blocks; the next trace loads it again.
  await model.decoder.release();
  const { numLayers } = checkpoint.config.decoder;
  const sets = choosePositions(prompt, request.region, request.seed);
  const plan = planBranches(sets, prompt, numLayers, request);
  const runner = new BlockRunner(model, prompt, { hidesEdges: request.knockoutWindow > 0 });
  const { clean, corrupt, branches } = await runBranches(model, runner, pair.embeds, plan.branches, hooks);
  await reportProgress(hooks, 'lens', 0, 1);
  const margins = await readMargins(model, [clean, corrupt, ...branches], [tokensA, tokensB]);
  await head.rest();
  await reportProgress(hooks, 'lens', 1, 1);
  const text = (tokens: readonly number[]) => tokens.map((id) => checkpoint.tokenizer.tokenText(id));
  return {
    model: { id: checkpoint.id, sha256: fingerprint.sha256, numLayers, provider: provider.provider },
    cleanSha256: pair.sha256.clean,
    corruptSha256: pair.sha256.corrupt,
    cells: prompt.cells,
    tokens: { a: text(tokensA), b: text(tokensB) },
    clean: margins[0]!,
    corrupt: margins[1]!,
    ...toCurves(plan, margins.subarray(2)),
  };
}

/**
 * Encodes both images and composes the one prompt about them.
 *
 * @throws FundusLensError `image.*`, `prompt.*`, `trace.too-large`; `input.invalid` when the grids differ
 */
export async function openPair(
  model: LoadedModel,
  { prefixes }: Pick<ModelCache, 'prefixes'>,
  {
    cleanPath,
    corruptPath,
    prompt: text,
    maxPixels,
  }: Pick<CausalRequest, 'cleanPath' | 'corruptPath' | 'prompt' | 'maxPixels'>,
  hooks: TraceHooks,
): Promise<OpenedPair> {
  const { checkpoint, vision } = model;
  const processor = limitDetail(checkpoint.imageProcessor, maxPixels);
  const clean = await openImage(cleanPath, processor, prefixes.facts, hooks);
  const corrupt = await openImage(corruptPath, processor, prefixes.facts, hooks);
  if (clean.grid.join() !== corrupt.grid.join()) throw gridsDiffer(clean.grid, corrupt.grid);
  const prompt = composePrompt(checkpoint, text, clean.grid, 0);
  await requireMemory(model, clean.grid, prompt.tokenIds.length, prompt.tokenIds.length);
  await reportProgress(hooks, 'vision', 0, 1);
  const inputs = [clean, corrupt].map((image) => ({ image, prompt }));
  const [first, second] = await encodePrefixes(model, prefixes, inputs);
  await vision.rest();
  await reportProgress(hooks, 'vision', 1, 1);
  return {
    prompt,
    embeds: { clean: embedPrompt(model, prompt, first!), corrupt: embedPrompt(model, prompt, second!) },
    sha256: { clean: clean.sha256, corrupt: corrupt.sha256 },
  };
}

/**
 * m = log-sum-exp of the logits of A − that of B, as the model itself would unembed each state.
 *
 * @param states float32 [D] each, before the final norm
 * @returns float32 [states]
 */
async function readMargins(
  { head }: Pick<Model, 'head'>,
  states: readonly Float32Array[],
  concepts: readonly [readonly number[], readonly number[]],
): Promise<Float32Array> {
  const margins = new Float32Array(states.length);
  const chunk = Math.max(1, Math.floor(head.chunkBytes / (4 * head.numTokens)));
  for (let first = 0; first < states.length; first += chunk) {
    const rows = states.slice(first, first + chunk);
    const { conceptLogProb } = await head.read(concatenate(rows), rows.length, [false], 1, concepts);
    rows.forEach((_, row) => {
      margins[first + row] = conceptLogProb[2 * row]! - conceptLogProb[2 * row + 1]!;
    });
  }
  return margins;
}

function toCurves(
  { patches, meanAblation, knockouts }: BranchPlan,
  margins: Float32Array,
): Pick<CausalReading, 'patches' | 'meanAblated' | 'knockouts'> {
  const at = (places: readonly number[]) => Float32Array.from(places, (place) => margins[place]!);
  return {
    patches: patches.map(({ set, numPositions, intoCorrupt, intoClean }) => ({
      ...{ set, numPositions, intoCorrupt: at(intoCorrupt), intoClean: at(intoClean) },
    })),
    meanAblated: at(meanAblation),
    knockouts: knockouts.map(({ edges, numEdges, window, knockedOut, random }) => ({
      ...{ edges, numEdges, window, knockedOut: at(knockedOut), random: at(random) },
    })),
  };
}

function gridsDiffer(clean: readonly number[], corrupt: readonly number[]): FundusLensError {
  return new FundusLensError('input.invalid', 'The images of the pair do not have the same grid.', {
    expected: 'two images that the model sees as equally many rows and columns of patches',
    found: `${clean.slice(1).join(' × ')} and ${corrupt.slice(1).join(' × ')}`,
    advice: 'Pair photographs of one size, or bring both to one size first.',
  });
}
