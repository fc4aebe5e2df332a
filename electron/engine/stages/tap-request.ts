import type { ProviderChoice } from '../lens-trace/lens-trace.ts';

/** What is to be read inside the model while it looks at one image. */
export interface TapRequest {
  /** Checkpoint folder as Hugging Face lays it out. */
  readonly modelDir: string;
  readonly imagePath: string;
  readonly prompt: string;
  /** Largest area at which the vision tower sees the image, pixels; left out, the checkpoint's own limit holds alone. */
  readonly maxPixels?: number | null;
  /** 1…L; the stream after that block, before the final norm. Blocks after the last of them are not computed. */
  readonly layers: readonly number[];
  /** Whether every image token is returned too, and not only their mean. */
  readonly perToken: boolean;
  readonly provider: ProviderChoice;
  /** Two kinds of answers whose likelihood is compared at every layer; left out, none are. */
  readonly contrast?: { readonly yes: readonly string[]; readonly no: readonly string[] };
}

/** Row-major. */
export interface FeatureArray {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/** Features of one image; N layers, D wide. */
export interface TapFeatures {
  readonly model: {
    readonly id: string;
    readonly sha256: string;
    readonly numLayers: number;
    readonly dModel: number;
    readonly provider: string;
  };
  readonly image: {
    readonly sha256: string;
    /** [width, height], pixels, as the model saw it. */
    readonly resized: readonly [number, number];
    /** [rows, columns] of image tokens over the image. */
    readonly cells: readonly [number, number];
  };
  /** Ascending. */
  readonly layers: readonly number[];
  /** `[D]`: mean of the vision output over the image tokens without norm sinks. */
  readonly visionMean: FeatureArray;
  /** `[image tokens, D]`: the vision output, the decoder's input at the image's positions; null unless asked for. */
  readonly visionTokens: FeatureArray | null;
  /** `[N, D]`: mean of the residual stream over the image tokens without norm sinks, by layer. */
  readonly imageMean: FeatureArray;
  /** `[N, D]`: the residual stream at the last position of the prompt, where the answer begins. */
  readonly lastPosition: FeatureArray;
  /** `[N, image tokens, D]`: the residual stream at every image token; null unless asked for. */
  readonly imageTokens: FeatureArray | null;
  /** By layer: image tokens left out of the mean, because their norm is above mean + 2 σ. */
  readonly numSinks: readonly number[];
  /**
   * `[N]`: by layer, how much likelier an answer that begins as one of `contrast.yes` is than one of `contrast.no`, through the
   * lens with the final norm, nats; null unless asked for.
   */
  readonly margins: FeatureArray | null;
}
