import { reportProgress } from '../progress/trace-hooks.ts';
import type { TraceHooks } from '../progress/trace-hooks.ts';
import { decodeImageFile, readImageFile, type ImageFile } from './decode.ts';
import type { ImageProcessorConfig } from './image-processor-config.ts';
import { patchify } from '../families/qwen-shared/patchify.ts';
import { resizeBicubic } from './resize-bicubic.ts';
import type { RgbImage } from './resize-bicubic.ts';
import { smartResize } from '../families/qwen-shared/smart-resize.ts';

/** What the vision tower takes of one image. */
export interface PatchedImage {
  /** Pixels before resizing, after EXIF orientation. */
  readonly width: number;
  readonly height: number;
  /** [width, height] after smart-resize, pixels. */
  readonly resized: readonly [number, number];
  /** Patches [t, h, w]; t = 1 for a still image. */
  readonly grid: readonly [number, number, number];
  /** float32 [t·h·w, 3 · temporalPatchSize · patchSize²], normalised; see {@link patchify} for the order. */
  readonly pixelValues: Float32Array;
}

export interface PreprocessedImage extends PatchedImage {
  /** SHA-256 of the image file's bytes. */
  readonly sha256: string;
}

/** Of the progress of stage `image`. */
export const numStages = 3;

/**
 * Turns an image file into the patches that a Qwen2-VL or Qwen2.5-VL vision tower takes.
 *
 * @param path  image file
 * @param hooks progress of stage `image` in three steps (decoded, resized, patched); an abort is seen between them
 * @throws FundusLensError `image.unreadable`, `image.truncated`, `image.too-large`, `image.aspect-ratio`, or
 *   `engine.cancelled`
 */
export async function preprocessImage(
  path: string,
  config: ImageProcessorConfig,
  hooks: TraceHooks = {},
): Promise<PreprocessedImage> {
  return preprocessFile(await readImageFile(path), config, hooks);
}

/** The same for a file that was read already. */
export async function preprocessFile(
  file: ImageFile,
  config: ImageProcessorConfig,
  hooks: TraceHooks = {},
): Promise<PreprocessedImage> {
  const finish = (done: number) => reportProgress(hooks, 'image', done, numStages);
  await finish(0);
  const image = await decodeImageFile(file);
  await finish(1);
  const resized = resizeForModel(image, config);
  await finish(2);
  const { grid, pixelValues } = patchify(resized, config);
  await finish(3);
  return {
    sha256: image.sha256,
    width: image.width,
    height: image.height,
    resized: [resized.width, resized.height],
    grid,
    pixelValues,
  };
}

/** The same for pixels in memory, such as the control images. */
export function preprocessPixels(image: RgbImage, config: ImageProcessorConfig): PatchedImage {
  const resized = resizeForModel(image, config);
  return {
    width: image.width,
    height: image.height,
    resized: [resized.width, resized.height],
    ...patchify(resized, config),
  };
}

function resizeForModel(image: RgbImage, config: ImageProcessorConfig): RgbImage {
  const [width, height] = smartResize(image.width, image.height, {
    factor: config.patchSize * config.mergeSize,
    minPixels: config.minPixels,
    maxPixels: config.maxPixels,
  });
  return resizeBicubic(image, width, height);
}
