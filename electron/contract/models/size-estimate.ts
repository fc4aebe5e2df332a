import { z } from 'zod';
import { weightFormats } from './prepared-model.ts';

const count = z.int().nonnegative();

/** What the model would need in a format, by the headers of its weights. */
export const sizeEstimateSchema = z.object({
  /** `as-stored` is the checkpoint as it lies on the disk, without preparation. */
  format: z.enum(['as-stored', ...weightFormats]),
  diskBytes: count,
  /** With which the engine's process traces one image on the processor without reading weights twice from the disk. */
  memoryBytes: count,
  /** Memory of a GPU in which all of it stays; absent in reports of earlier versions. */
  deviceBytes: count.optional(),
});

export type SizeEstimate = z.infer<typeof sizeEstimateSchema>;
