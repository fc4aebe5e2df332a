import { reportProgress, type TraceHooks } from '../progress/trace-hooks.ts';
import { readImageFile } from './decode.ts';
import type { ImageProcessor } from './image-processor.ts';
import { numStages, preprocessFile, type PreprocessedImage } from './preprocess.ts';

/** What is known of an image without its pixels. */
export type ImageFacts = Omit<PreprocessedImage, 'pixelValues'>;

/** Remembers facts by key; `size` counts towards its limit. */
export interface ImageFactsCache {
  get(key: string): ImageFacts | undefined;
  put(key: string, facts: ImageFacts, size: number): void;
}

/** An image whose pixels are decoded on demand. */
export interface OpenedImage extends ImageFacts {
  /** See {@link PreprocessedImage}. */
  readonly pixelValues: () => Promise<Float32Array>;
}

/**
 * Opens an image for a model. One that was seen before is only hashed; its pixels may never be asked for.
 *
 * @param seen by SHA-256 of the file and the processor’s configuration
 * @throws whatever `preprocessImage` throws
 */
export async function openImage(
  path: string,
  processor: ImageProcessor,
  seen: ImageFactsCache,
  hooks: TraceHooks = {},
): Promise<OpenedImage> {
  const file = await readImageFile(path);
  const key = `${file.sha256} ${JSON.stringify(processor)}`;
  const known = seen.get(key);
  if (known !== undefined) {
    await reportProgress(hooks, 'image', numStages, numStages);
    return { ...known, pixelValues: async () => (await preprocessFile(file, processor)).pixelValues };
  }
  const { pixelValues, ...facts } = await preprocessFile(file, processor, hooks);
  seen.put(key, facts, 1);
  return { ...facts, pixelValues: () => Promise.resolve(pixelValues) };
}
