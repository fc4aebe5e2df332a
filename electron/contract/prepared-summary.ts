import { z } from 'zod';
import { sha256Schema } from './library-model.ts';
import { weightFormats } from './prepared-model.ts';

const count = z.int().nonnegative();

/** `prepared.json` as lists show it. */
export const preparedSummarySchema = z.object({
  format: z.enum(weightFormats),
  blockSize: count,
  symmetric: z.boolean(),
  keep: z.object({ unembedding: z.enum(weightFormats), vision: z.enum(weightFormats) }),
  /** Images that the weights were calibrated on. */
  calibrationImages: count,
  sourceName: z.string(),
  sourceSha256: sha256Schema,
});

export type PreparedSummary = z.infer<typeof preparedSummarySchema>;
