import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { FundusLensError } from '../../contract/errors.ts';
import type { ImageProcessorConfig } from '../image/image-processor-config.ts';

const triple = z.tuple([z.number(), z.number(), z.number()]);
const side = z.int().positive();

const processorSchema = z
  .object({
    patch_size: side,
    temporal_patch_size: side,
    merge_size: side,
    image_mean: triple,
    image_std: triple,
    min_pixels: side.nullish(),
    max_pixels: side.nullish(),
    size: z.object({ shortest_edge: side.optional(), longest_edge: side.optional() }).nullish(),
  })
  .transform((file, context) => {
    // `size` is what newer processors read; the released files state min_pixels and max_pixels.
    const minPixels = file.min_pixels ?? file.size?.shortest_edge;
    const maxPixels = file.max_pixels ?? file.size?.longest_edge;
    if (minPixels === undefined || maxPixels === undefined) {
      context.addIssue('min_pixels and max_pixels, or size.shortest_edge and size.longest_edge');
      return z.NEVER;
    }
    return {
      patchSize: file.patch_size,
      temporalPatchSize: file.temporal_patch_size,
      mergeSize: file.merge_size,
      minPixels,
      maxPixels,
      mean: file.image_mean,
      std: file.image_std,
    } satisfies ImageProcessorConfig;
  });

/**
 * Reads preprocessor_config.json, or where there is none the `image_processor` of processor_config.json, which is all that
 * transformers 5 saves.
 *
 * @throws FundusLensError `model.config-invalid` when neither is there or a field is missing
 */
export async function readImageProcessorConfig(folder: string): Promise<ImageProcessorConfig> {
  const own = await readText(path.join(folder, 'preprocessor_config.json'));
  const file = path.join(folder, own === undefined ? 'processor_config.json' : 'preprocessor_config.json');
  const json = own ?? (await readText(file));
  const parsed = parse(json);
  const result = processorSchema.safeParse(own === undefined ? imageProcessorOf(parsed) : parsed);
  if (result.success) return result.data;
  throw new FundusLensError('model.config-invalid', 'The checkpoint does not say how images are prepared.', {
    expected: `preprocessor_config.json, or processor_config.json with an image_processor, of a Qwen2-VL image processor in ${folder}`,
    found: json === undefined ? 'neither file' : `${file}: ${z.prettifyError(result.error)}`,
    advice: 'Copy preprocessor_config.json of the same checkpoint into the folder.',
  });
}

function imageProcessorOf(json: unknown): unknown {
  return z.object({ image_processor: z.unknown() }).safeParse(json).data?.image_processor ?? json;
}

function readText(file: string): Promise<string | undefined> {
  return readFile(file, 'utf8').catch(() => undefined);
}

function parse(json: string | undefined): unknown {
  try {
    return json === undefined ? undefined : JSON.parse(json);
  } catch {
    return undefined;
  }
}
