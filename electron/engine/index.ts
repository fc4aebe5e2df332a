/**
 * The engine as a library, in plain Node: opens a checkpoint folder as Hugging Face lays it out, traces images through it
 * with a lens, reads features from inside it, and lets it answer.
 *
 * ```ts
 * import { openModel } from './index.ts';
 *
 * const model = await openModel('/models/Qwen2.5-VL-3B-Instruct');
 * const trace = await model.trace('retina.jpg', { prompt: 'What is this? Answer in one word.' });
 * console.log(trace.generated.text);
 * await model.close();
 * ```
 */

import { readFile } from 'node:fs/promises';
import { bundledPath } from '../bundled/bundled-path.ts';
import { listControls } from '../bundled/control-images.ts';
import { FundusLensError } from '../contract/errors.ts';
import type { CausalReading, CausalRequest } from './lens-trace/causal-request.ts';
import { checkCause } from './causal/check-cause.ts';
import { conceptSetSchema, type ConceptSet } from './lens-trace/concept-set.ts';
import type { Generated, LensTrace } from './lens-trace/lens-trace.ts';
import { traceDefaults, type TraceRequest } from './lens-trace/trace-request.ts';
import type { TraceHooks } from './progress/trace-hooks.ts';
import { fitShortcut } from './shortcut/fit-shortcut.ts';
import type { Shortcut } from './fitted-lens/shortcut-file.ts';
import { answerPrompt } from './stages/answer-prompt.ts';
import type { EngineTraceRequest } from './stages/engine-trace-request.ts';
import { ModelCache } from './stages/model-cache.ts';
import type { TapFeatures } from './stages/tap-request.ts';
import { tap } from './tap.ts';
import { trace } from './trace.ts';

export { FundusLensError } from '../contract/errors.ts';
export type { CausalReading, CausalRequest, ImageRegion } from './lens-trace/causal-request.ts';
export { registerFamily } from './families/registry.ts';
export type { Family } from './families/shared/family.ts';
export { conceptSetSchema, type ConceptSet } from './lens-trace/concept-set.ts';
export type { Generated, LensTrace } from './lens-trace/lens-trace.ts';
export { lensTraceToJson } from './lens-trace/to-json.ts';
export { traceDefaults, type TraceRequest } from './lens-trace/trace-request.ts';
export type { TraceHooks } from './progress/trace-hooks.ts';
export type { FittedLens } from './lens-trace/lenses/fitted-lens.ts';
export {
  readShortcut,
  writeShortcut,
  type Shortcut,
  type ShortcutFile,
  type ShortcutLabel,
} from './fitted-lens/shortcut-file.ts';
export type { FeatureArray, TapFeatures } from './stages/tap-request.ts';

/** What is asked of an image when nothing else is said. */
export const defaultPrompt = 'Describe this image.';

export interface OpenOptions extends TraceHooks {
  /** Where the model runs; `auto`, the fastest that computes rightly on this machine. */
  readonly provider?: TraceRequest['provider'];
}

/** Every default is that of {@link traceDefaults}. */
export interface TraceOptions
  extends Partial<Omit<TraceRequest, 'lens' | 'provider' | 'controls'>>, TraceHooks {
  /** A fitted lens is given by its file: a shortcut's, which {@link writeShortcut} writes, or a Jacobian lens's. */
  readonly lens?: EngineTraceRequest['lens'];
  /** Concepts whose log-probabilities and ranks are followed through the layers; the bundled `fundus` set. */
  readonly concepts?: ConceptSet;
  /** Control images to compare with; true takes the bundled ones, false none. */
  readonly controls?: boolean | readonly string[];
  /** File for pixel values, embeddings, residual stream and logits (safetensors). */
  readonly dumpPath?: string;
}

export interface TapOptions extends TraceHooks {
  readonly prompt?: string;
  /** Largest area at which the vision tower sees an image, pixels; null leaves the checkpoint's own limit. */
  readonly maxPixels?: number | null;
  /** Whether every image token is returned too, and not only their mean; false. */
  readonly perToken?: boolean;
}

/** What is compared, and where; the rest of a {@link CausalRequest} is given by the call. */
export interface CausalOptions extends TraceHooks {
  /** How an answer begins that says A, and one that says B. */
  readonly contrast: CausalRequest['contrast'];
  readonly prompt?: string;
  readonly maxPixels?: number | null;
  /** Where in the images the finding is, as shares of their sides; without it there is no irrelevant region to compare with. */
  readonly region?: CausalRequest['region'];
  /** Layers of one attention knockout; 0, none. */
  readonly knockoutWindow?: number;
  /** Of what is drawn at random; 1. */
  readonly seed?: number;
}

export interface ShortcutOptions extends TraceHooks {
  /** Other images, of other patients, on which the shortcut's error is measured. */
  readonly heldOut: readonly string[];
  readonly prompt?: string;
  readonly maxPixels?: number | null;
  /** Pull towards the logit lens, as a share of the inputs' mean square; 0.001. */
  readonly ridge?: number;
}

/** Features of one image, or why there are none. */
export type TapResult =
  | { readonly imagePath: string; readonly features: TapFeatures; readonly error: null }
  | { readonly imagePath: string; readonly features: null; readonly error: FundusLensError };

export interface GenerateOptions extends TraceHooks {
  /** Tokens at most. */
  readonly maxTokens?: number;
  readonly maxPixels?: number | null;
}

/** A model that stays in memory until it is closed. Its calls may not overlap. */
export interface LensModel {
  /**
   * Reads every layer through the lens.
   *
   * @param image image file; null traces the prompt alone
   * @returns arrays are row-major, layer outermost: see {@link LensTrace} for shapes and units
   * @throws FundusLensError `image.*`, `prompt.*`, `trace.*`, `model.parity-gate`; `engine.cancelled` after an abort
   */
  trace(image: string | null, options?: TraceOptions): Promise<LensTrace>;
  /**
   * Reads features of images from inside the model, one image after the other; computes no block after the last layer
   * asked for. An image that cannot be read gives its error and does not end the rest.
   *
   * @param layers 1…L: the residual stream after that decoder block, before the final norm
   * @throws FundusLensError `input.invalid` for layers that the model does not have; `engine.cancelled` after an abort
   */
  tap(
    images: string | readonly string[],
    layers: readonly number[],
    options?: TapOptions,
  ): AsyncGenerator<TapResult, void>;
  /**
   * The model's own answer: always the token with the largest logit.
   *
   * @throws FundusLensError `image.*`, `prompt.*`; `engine.cancelled` after an abort
   */
  generate(image: string | null, prompt: string, options?: GenerateOptions): Promise<Generated>;
  /**
   * Exchanges states between two images of one grid at every layer and says how far the answer moves: activationPatching in
   * both directions, attention knockout with a random control, mean ablation. One pair shows what happened once; "uses" needs
   * intervals over many patients (docs/lens.md).
   *
   * @param clean image of which A is true; corrupt, one of which B is
   * @throws FundusLensError `image.*`, `prompt.*`, `trace.too-large`; `input.invalid` when the grids differ or the answers begin
   *   alike; `engine.cancelled` after an abort
   */
  checkCause(clean: string, corrupt: string, options: CausalOptions): Promise<CausalReading>;
  /**
   * Fits a linear shortcut, the logit lens of h + A[l] h + b[l], in closed form on images and a prompt of one's own, and says how
   * far both lenses are from the final distribution on other images. {@link writeShortcut} makes a file of it, through which
   * {@link LensModel.trace} reads.
   *
   * @throws FundusLensError `image.*`, `prompt.*`, `trace.too-large`; `input.invalid` for too few images; `engine.cancelled`
   */
  fitShortcut(images: readonly string[], options: ShortcutOptions): Promise<Shortcut>;
  /** Gives the memory back. */
  close(): Promise<void>;
}

/**
 * Opens a checkpoint folder: compiles it, loads it, and compares its last layer through the lens with its own logits.
 *
 * @param folder config.json, *.safetensors, tokenizer.json, chat template and preprocessor_config.json
 * @throws FundusLensError `model.*` for anything wrong with the files, `provider.unavailable`, `engine.cancelled`
 */
export async function openModel(
  folder: string,
  { provider = traceDefaults.provider, ...opening }: OpenOptions = {},
): Promise<LensModel> {
  const models = new ModelCache();
  await models.open(folder, provider, opening);
  const toRequest = async (imagePath: string | null, options: TraceOptions): Promise<EngineTraceRequest> => {
    const { prompt, positions, maxPixels, topK, generate, traceGenerated, controls, concepts, dumpPath } = {
      ...traceDefaults,
      prompt: defaultPrompt,
      ...options,
    };
    return {
      modelDir: folder,
      provider,
      imagePath,
      prompt,
      lens: options.lens ?? 'logit',
      positions,
      maxPixels,
      topK,
      generate,
      traceGenerated,
      conceptSet: concepts ?? (await readBundledConcepts()),
      controls: controls === true ? listControls() : controls === false ? null : controls,
      dumpPath: dumpPath ?? null,
    };
  };
  return {
    trace: async (image, options = {}) => trace(await toRequest(image, options), options, models),
    async *tap(
      images,
      layers,
      { prompt = defaultPrompt, maxPixels = null, perToken = false, ...hooks } = {},
    ) {
      for (const imagePath of [images].flat()) {
        const request = { modelDir: folder, provider, imagePath, prompt, maxPixels, layers, perToken };
        try {
          yield { imagePath, features: await tap(request, hooks, models), error: null };
        } catch (error) {
          if (!(error instanceof FundusLensError) || !isOfImage(error)) throw error;
          yield { imagePath, features: null, error };
        }
      }
    },
    generate: async (image, prompt, { maxTokens = traceDefaults.generate, ...options } = {}) =>
      answerPrompt(await toRequest(image, { ...options, prompt, generate: maxTokens }), options, models),
    checkCause: async (
      cleanPath,
      corruptPath,
      {
        contrast,
        prompt = defaultPrompt,
        maxPixels = null,
        region = null,
        knockoutWindow = 0,
        seed = 1,
        ...hooks
      },
    ) => {
      const asked = { contrast, prompt, maxPixels, region, knockoutWindow, seed };
      return checkCause({ modelDir: folder, provider, cleanPath, corruptPath, ...asked }, hooks, models);
    },
    fitShortcut: async (
      fitted,
      { heldOut, prompt = defaultPrompt, maxPixels = null, ridge = 1e-3, ...hooks },
    ) =>
      fitShortcut({ modelDir: folder, provider, prompt, maxPixels, fitted, heldOut, ridge }, hooks, models),
    close: () => models.close(),
  };
}

function isOfImage({ code }: FundusLensError): boolean {
  return code.startsWith('image.') || code === 'trace.too-large' || code === 'prompt.too-long';
}

async function readBundledConcepts(): Promise<ConceptSet> {
  const file = bundledPath('resources', 'concepts', 'fundus.json');
  return conceptSetSchema.parse(JSON.parse(await readFile(file, 'utf8')));
}
