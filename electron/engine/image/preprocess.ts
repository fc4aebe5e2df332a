import { reportProgress, type TraceHooks } from '../progress/trace-hooks.ts';
import { decodeImageFile, readImageFile, type ImageFile } from './decode.ts';
import type { ImageProcessor, PatchedImage } from './image-processor.ts';

export interface PreprocessedImage extends PatchedImage {
  /** SHA-256 of the image file's bytes. */
  readonly sha256: string;
}

/** Steps of the stage `image`: decoded, resized, cut into patches. */
export const numStages = 3;

/**
 * Turns an image file into the patches that the vision tower takes.
 *
 * @param path  image file
 * @param hooks progress of stage `image` in three steps (decoded, resized, patched); an abort is seen between them
 * @throws FundusLensError `image.unreadable`, `image.truncated`, `image.too-large`, `image.aspect-ratio`, or
 *   `engine.cancelled`
 */
export async function preprocessImage(
  path: string,
  processor: ImageProcessor,
  hooks: TraceHooks = {},
): Promise<PreprocessedImage> {
  return preprocessFile(await readImageFile(path), processor, hooks);
}

/** The same for a file that was read already. */
export async function preprocessFile(
  file: ImageFile,
  processor: ImageProcessor,
  hooks: TraceHooks = {},
): Promise<PreprocessedImage> {
  const finish = (done: number) => reportProgress(hooks, 'image', done, numStages);
  await finish(0);
  const image = await decodeImageFile(file);
  await finish(1);
  const resized = processor.resize(image, processor);
  await finish(2);
  const patches = processor.toPatches(resized, processor);
  await finish(3);
  const { sha256, width, height } = image;
  return { sha256, width, height, resized: [resized.width, resized.height], ...patches };
}
