import type { ImageProcessorConfig } from './image-processor.ts';

/**
 * Lowers the largest area at which images are seen; never raises it above the checkpoint's own.
 *
 * @param maxPixels null leaves it
 */
export function limitDetail<C extends Pick<ImageProcessorConfig, 'minPixels' | 'maxPixels'>>(
  config: C,
  maxPixels: number | null,
): C {
  if (maxPixels === null || maxPixels >= config.maxPixels) return config;
  return { ...config, maxPixels, minPixels: Math.min(config.minPixels, maxPixels) };
}
