import type { RgbImage } from './resize.ts';

/** How pixels become patches, from `preprocessor_config.json`. */
export interface ImageProcessorConfig {
  /** Side of a patch, pixels; 14 in Qwen2-VL and Qwen2.5-VL. */
  readonly patchSize: number;
  /** Frames in a patch; a still image is repeated this many times; 2. */
  readonly temporalPatchSize: number;
  /** Patches along one side of a merged image token; 2. */
  readonly mergeSize: number;
  /** Smallest and largest area after resizing, pixels. */
  readonly minPixels: number;
  readonly maxPixels: number;
  /** Subtracted from the red, green and blue values after they are scaled to 0…1. */
  readonly mean: readonly [number, number, number];
  /** Divides the difference. */
  readonly std: readonly [number, number, number];
}

/** The checkpoint's configuration and its family's way of applying it. */
export interface ImageProcessor extends ImageProcessorConfig {
  /** @throws FundusLensError `image.aspect-ratio` */
  readonly resize: (image: RgbImage, config: ImageProcessorConfig) => RgbImage;
  readonly toPatches: (image: RgbImage, config: ImageProcessorConfig) => Patches;
}

/** Patches [t, h, w]; t = 1 for a still image. */
export type ImageGrid = readonly [number, number, number];

export interface Patches {
  readonly grid: ImageGrid;
  /** float32 [t·h·w, 3 · temporalPatchSize · patchSize²], normalised; the family decides the order. */
  readonly pixelValues: Float32Array;
}

/** What the vision tower takes of one image. */
export interface PatchedImage extends Patches {
  /** Pixels before resizing, after EXIF orientation. */
  readonly width: number;
  readonly height: number;
  /** [width, height] after resizing, pixels. */
  readonly resized: readonly [number, number];
}
