import type { FieldKind } from '../measure/heads.ts';

/** Features of the same kind from one or several layers. */
export interface FeatureSet {
  /** What they are, such as `image-mean`, `last-position` or `pixels`. */
  readonly id: string;
  /** A decoder reads one of the `layers`; a `baseline` is only measured beside it. */
  readonly role: 'layers' | 'baseline';
  /** Names of the images in the order of the rows, [M]. */
  readonly images: readonly string[];
  readonly width: number;
  readonly layers: readonly LayerFeatures[];
}

export interface LayerFeatures {
  readonly layer: number;
  /** float32 [M, width], row-major */
  readonly values: Float32Array;
}

/** One field of the protocol with what is known of it for every image. */
export interface FieldLabels {
  readonly id: string;
  readonly kind: FieldKind;
  /** Names of the values in order (two of a binary field, the second being the positive); none of a number. */
  readonly values: readonly string[];
  /** float64 [N]: place in `values`, or the number; NaN where it was not assessed. */
  readonly labels: Float64Array;
}

/** What the features came from; a decoder refuses others. */
export interface DecoderOrigin {
  /** SHA-256 of the model's weights. */
  readonly modelHash: string;
  readonly modelName: string;
  readonly prompt: string;
  readonly imageLimits: { readonly minPixels: number; readonly maxPixels: number };
  readonly softwareVersion: string;
  readonly schemaVersion: string;
}

export interface FitOptions {
  /** Penalties to choose from, ascending, as multiples of the features' mean squared distance from their mean. */
  readonly lambdas: readonly number[];
  /** Share of conformal sets and intervals that may miss the truth. */
  readonly alpha: number;
  /** Patients that each value needs. */
  readonly minPatients: number;
  /** Of the outer cross-validation. */
  readonly folds: number;
  readonly bootstrapSamples: number;
  readonly permutations: number;
  readonly seed: number;
}

export const defaultFitOptions: FitOptions = {
  lambdas: [1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1, 10, 100],
  alpha: 0.1,
  minPatients: 20,
  folds: 10,
  bootstrapSamples: 1000,
  permutations: 20,
  seed: 1,
};

export interface FitRequest {
  readonly name: string;
  /** Names of the images that labels and patients belong to, [N]. */
  readonly images: readonly string[];
  /** Whose eye each is, [N]; images of one patient are never on both sides of a split. */
  readonly patients: readonly string[];
  /** Camera, hospital or data set of each image, [N]: each is left out whole in turn. */
  readonly sources?: readonly string[];
  readonly features: readonly FeatureSet[];
  readonly fields: readonly FieldLabels[];
  /** Sets for which a head of every field is trained at each of their layers too, so that any of them can be read; none. */
  readonly byLayer?: readonly string[];
  readonly origin: DecoderOrigin;
  readonly options?: Partial<FitOptions>;
}
