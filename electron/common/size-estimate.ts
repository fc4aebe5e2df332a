import { z } from 'zod';
import { weightFormats } from './prepared-model.ts';

const count = z.int().nonnegative();

/** What the model would need in a format, by the headers of its weights. */
export const sizeEstimateSchema = z.object({
  /** `as-stored` is the checkpoint as it lies on the disk, without preparation. */
  format: z.enum(['as-stored', ...weightFormats]),
  diskBytes: count,
  /** Peak of the engine's process while it traces one image. */
  memoryBytes: count,
});

export type SizeEstimate = z.infer<typeof sizeEstimateSchema>;
