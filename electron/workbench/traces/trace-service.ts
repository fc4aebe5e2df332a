import { existsSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { CheckpointReport } from '../../engine/process/messages.ts';
import { FundusLensError } from '../../contract/errors.ts';
import type {
  LensKind,
  LensTrace,
  PositionSelection,
  ProviderChoice,
} from '../../engine/lens-trace/lens-trace.ts';
import { EngineClient } from '../../engine/process/engine-client.ts';
import type { RequestOptions } from '../../engine/process/engine-client.ts';
import { listControls } from './control-images.ts';
import { defaultConceptSet, loadConceptSet } from '../concepts/concept-sets.ts';
import { writeThrough } from '../exports/output-file.ts';
import { defaultPreset, presetText } from '../prompts/presets.ts';
import type { Language } from '../prompts/presets.ts';

/** What may be said of a trace; whatever is left out takes its default. */
export interface TraceOptions {
  /** Checkpoint folder; the demonstration model that comes with the software. */
  readonly modelDir?: string | undefined;
  /** The question itself, instead of a preset. */
  readonly prompt?: string | undefined;
  /** `one-word` */
  readonly preset?: string | undefined;
  /** Language of the preset; `en`. */
  readonly language?: Language | undefined;
  /** `logit` */
  readonly lens?: LensKind | undefined;
  /** `last` */
  readonly positions?: PositionSelection | undefined;
  /** Largest area at which the model sees the image, pixels; its own limit. */
  readonly maxPixels?: number | undefined;
  /** Tokens kept per layer and position; 10. */
  readonly topK?: number | undefined;
  /** Id of a concept set or path of a file; `fundus`. */
  readonly concepts?: string | undefined;
  /** `auto` */
  readonly provider?: ProviderChoice | undefined;
  /** Tokens to generate; 0. */
  readonly generate?: number | undefined;
  readonly traceGenerated?: boolean | undefined;
  /** Whether emergence is compared with controls; true. */
  readonly controls?: boolean | undefined;
  /** Images that will be traced next in the same way; see `TraceRequest`. */
  readonly upcoming?: readonly string[] | undefined;
  /** File for pixel values, embeddings, residual stream and logits; none. */
  readonly dumpPath?: string | undefined;
}

const demoModel = fileURLToPath(new URL('../../../models/demo', import.meta.url));
const sampleImage = fileURLToPath(new URL('../../../data/samples/real/retina.jpg', import.meta.url));

/** Traces images and describes checkpoints; one engine process serves all calls. */
export class TraceService {
  readonly #engine: EngineClient;

  constructor(engine: EngineClient = new EngineClient()) {
    this.#engine = engine;
  }

  /**
   * Traces one image, or the prompt alone.
   *
   * @param imagePath null for the prompt without any image
   * @throws FundusLensError for whatever is wrong with the image, the model or the options
   */
  async trace(
    imagePath: string | null,
    options: TraceOptions,
    requestOptions: RequestOptions = {},
  ): Promise<LensTrace> {
    const { dumpPath } = options;
    const request = {
      modelDir: findModel(options.modelDir),
      imagePath: imagePath === null ? null : path.resolve(imagePath),
      prompt: options.prompt ?? presetText(options.preset ?? defaultPreset, options.language ?? 'en'),
      lens: options.lens ?? 'logit',
      positions: options.positions ?? 'last',
      maxPixels: options.maxPixels ?? null,
      topK: options.topK ?? 10,
      conceptSet: await loadConceptSet(options.concepts ?? defaultConceptSet),
      provider: options.provider ?? 'auto',
      generate: options.generate ?? 0,
      traceGenerated: options.traceGenerated ?? false,
      controls: (options.controls ?? true) ? listControls() : null,
      upcoming: (options.upcoming ?? []).map((file) => path.resolve(file)),
    };
    if (dumpPath === undefined) return this.#engine.trace({ ...request, dumpPath: null }, requestOptions);
    return writeThrough(dumpPath, (temporary) =>
      this.#engine.trace({ ...request, dumpPath: temporary }, requestOptions),
    );
  }

  /** @throws FundusLensError `model.*` for whatever is wrong with the folder */
  async inspect(
    modelDir: string | undefined,
    requestOptions: RequestOptions<'inspect'> = {},
  ): Promise<CheckpointReport> {
    return this.#engine.inspect(findModel(modelDir), requestOptions);
  }

  /** Ends the engine's process. */
  close(): Promise<void> {
    return this.#engine.close();
  }
}

/** The photograph that is traced when none is named. @throws FundusLensError `image.unreadable` */
export function findSampleImage(): string {
  if (existsSync(sampleImage)) return sampleImage;
  throw new FundusLensError('image.unreadable', 'The sample photograph is not installed.', {
    expected: sampleImage,
    found: 'no such file',
    advice: 'Name an image to trace.',
  });
}

/** The folder of a model; the bundled one when none is named. @throws FundusLensError `model.not-found` */
export function findModel(modelDir: string | undefined): string {
  if (modelDir !== undefined) return path.resolve(modelDir);
  if (existsSync(demoModel)) return demoModel;
  throw new FundusLensError('model.not-found', 'The demonstration model is not installed.', {
    expected: demoModel,
    found: 'no such folder',
    advice: 'Name a checkpoint folder with --model.',
  });
}
