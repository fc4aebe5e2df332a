import type { BoundedCache } from '../prefix-cache/bounded-cache.ts';
import { reportProgress, type TraceHooks } from '../trace-hooks.ts';
import { readImageFile } from './decode.ts';
import type { ImageProcessorConfig } from './image-processor-config.ts';
import { numStages, preprocessFile, type PreprocessedImage } from './preprocess.ts';

/** What is known of an image without its pixels. */
export type ImageFacts = Omit<PreprocessedImage, 'pixelValues'>;

/** An image whose pixels are decoded when someone asks for them. */
export interface OpenedImage extends ImageFacts {
  /** See {@link PreprocessedImage}. */
  readonly pixelValues: () => Promise<Float32Array>;
}

/**
 * Opens an image for a model. One that was seen before is only hashed; its pixels may never be asked for.
 *
 * @param seen by SHA-256 of the file and configuration; gets what is new
 * @throws whatever `preprocessImage` throws
 */
export async function openImage(
  path: string,
  config: ImageProcessorConfig,
  seen: BoundedCache<ImageFacts>,
  hooks: TraceHooks = {},
): Promise<OpenedImage> {
  const file = await readImageFile(path);
  const key = `${file.sha256} ${JSON.stringify(config)}`;
  const known = seen.get(key);
  if (known !== undefined) {
    await reportProgress(hooks, 'image', numStages, numStages);
    return { ...known, pixelValues: async () => (await preprocessFile(file, config)).pixelValues };
  }
  const { pixelValues, ...facts } = await preprocessFile(file, config, hooks);
  seen.put(key, facts, 1);
  return { ...facts, pixelValues: () => Promise.resolve(pixelValues) };
}
