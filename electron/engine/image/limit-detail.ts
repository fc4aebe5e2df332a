import type { ImageProcessorConfig } from './image-processor-config.ts';

/**
 * Lowers the largest area at which images are seen; never raises it above the checkpoint's own.
 *
 * @param maxPixels null leaves it
 */
export function limitDetail(config: ImageProcessorConfig, maxPixels: number | null): ImageProcessorConfig {
  if (maxPixels === null || maxPixels >= config.maxPixels) return config;
  return { ...config, maxPixels, minPixels: Math.min(config.minPixels, maxPixels) };
}
