import { z } from 'zod';
import type { NewJob } from '../../contract/jobs.ts';
import { lensKinds, providerNames } from '../../engine/lens-trace/lens-trace.ts';
import { idSchema, sha256Schema } from '../../contract/ids.ts';
import { positionSelectionSchema } from '../../contract/traces.ts';
import { contentKey } from '../../store/database/canonical-json.ts';

export const traceJobKind = 'trace';

/** What a trace job keeps in the queue; enough to run it after a restart, and to see that nothing changed meanwhile. */
export const traceJobSchema = z.strictObject({
  imageSha256: sha256Schema.nullable(),
  modelId: idSchema,
  modelSha256: sha256Schema,
  prompt: z.string(),
  /** Row of the concept set's edition, and its content. */
  conceptSetRow: idSchema,
  conceptSetSha256: sha256Schema,
  lens: z.enum(lensKinds),
  positions: positionSelectionSchema,
  /** null, as in jobs of earlier versions, leaves the checkpoint's own limit. */
  maxPixels: z.int().positive().nullable().default(null),
  topK: z.int().positive(),
  generate: z.int().nonnegative(),
  traceGenerated: z.boolean(),
  /** Whether emergence is compared with the control images. */
  controls: z.boolean(),
  provider: z.enum([...providerNames, 'auto']),
});

export type TraceJob = z.infer<typeof traceJobSchema>;

/**
 * What a trace is unique by: equal keys mean equal numbers up to what the provider rounds, so that nothing is computed
 * twice.
 */
export function traceKey(job: TraceJob): string {
  const { imageSha256, modelSha256, prompt, conceptSetSha256, lens, topK, generate, controls } = job;
  const positions =
    typeof job.positions === 'string' ? job.positions : [...new Set(job.positions)].sort((a, b) => a - b);
  const traceGenerated = job.traceGenerated && generate > 0;
  const decisive = { imageSha256, modelSha256, prompt, conceptSetSha256, lens, positions };
  // Left out where it says nothing, so that traces of earlier versions keep their keys.
  const detail = job.maxPixels === null ? {} : { maxPixels: job.maxPixels };
  const kept = { topK, generate, traceGenerated, controls, ...detail };
  return contentKey({ schema: 'fundus-lens.trace/1', ...decisive, ...kept });
}

export function toNewJob(job: TraceJob, imageId: number | null, priority: number): NewJob {
  return {
    kind: traceJobKind,
    contentKey: traceKey(job),
    request: job,
    imageId,
    modelKey: job.modelSha256,
    priority,
  };
}
