import { z } from 'zod';
import { sha256Schema } from '../contract/ids.ts';
import { traceRequestSchema } from '../engine/lens-trace/trace-request.ts';

/** What is asked of a photograph: all of a request but where it is computed. */
export const conditionSchema = traceRequestSchema.omit({ provider: true });

/**
 * The work that a host takes at a time: photographs of one experiment for one model. Everything in it is a hash or a
 * decision of the experiment; no name of a file, a patient or a person.
 */
export const chunkSchema = z.strictObject({
  schema: z.literal('fundus-lens.chunk/1'),
  /** Of the experiment's plan. */
  planSha256: sha256Schema,
  modelSha256: sha256Schema,
  /** Of its canonical JSON, which lies in the storage under this hash. */
  conceptSetSha256: sha256Schema,
  conditions: z.array(conditionSchema).min(1).max(1000),
  photographs: z
    .array(
      z.strictObject({
        /** By which the library knows it. */
        sha256: sha256Schema,
        /** The file in the storage: itself, or a rendering that ordinary decoders read. */
        file: sha256Schema,
        /** Indices into `conditions`: what is missing of this photograph. */
        conditions: z.array(z.int().nonnegative()).min(1),
      }),
    )
    .min(1)
    .max(64),
});

export type Chunk = z.output<typeof chunkSchema>;

/** Fewest and most photographs of a chunk, unless an experiment has fewer. */
export const chunkSizes = { fewest: 16, usual: 32, most: 64 } as const;

/** How long a host should be busy with a chunk, milliseconds: what a dead host takes with it at most. */
const wantedMilliseconds = 300_000;

/**
 * How many photographs go into a chunk.
 *
 * @param photographMilliseconds what one took so far under all of its conditions; null when nothing was measured
 */
export function chooseChunkSize(photographMilliseconds: number | null): number {
  if (photographMilliseconds === null || photographMilliseconds <= 0) return chunkSizes.usual;
  const wanted = Math.round(wantedMilliseconds / photographMilliseconds);
  return Math.min(chunkSizes.most, Math.max(chunkSizes.fewest, wanted));
}

/** The queue of a model; a host takes from those of the models that it has. */
export function queueOf(modelSha256: string): string {
  return `trace.${modelSha256}`;
}
