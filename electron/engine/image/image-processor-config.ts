/** What `preprocessor_config.json` says about turning pixels into patches. */
export interface ImageProcessorConfig {
  /** Side of a patch, pixels; 14 in Qwen2-VL and Qwen2.5-VL. */
  readonly patchSize: number;
  /** Frames in a patch; a still image is repeated this many times; 2. */
  readonly temporalPatchSize: number;
  /** Patches along one side of a merged image token; 2. */
  readonly mergeSize: number;
  /** Smallest and largest area after smart-resize, pixels. */
  readonly minPixels: number;
  readonly maxPixels: number;
  /** Subtracted from the red, green and blue values after they are scaled to 0…1. */
  readonly mean: readonly [number, number, number];
  /** Divides what is left. */
  readonly std: readonly [number, number, number];
}
