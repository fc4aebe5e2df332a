import type { z } from 'zod';
import { traceRequestSchema } from '../../engine/lens-trace/trace-request.ts';
import { idSchema, sha256Schema } from '../../contract/ids.ts';
import { contentKey } from '../../store/database/canonical-json.ts';
import type { NewQueuedTask } from '../../store/queue/queued-task.ts';

/** What a trace keeps in the queue; enough to run it after a restart, and to see that nothing changed meanwhile. */
export const queuedTraceSchema = traceRequestSchema.extend({
  imageSha256: sha256Schema.nullable(),
  modelId: idSchema,
  modelSha256: sha256Schema,
  /** Row of the concept set's edition, and its content. */
  conceptSetRow: idSchema,
  conceptSetSha256: sha256Schema,
});

export type QueuedTrace = z.infer<typeof queuedTraceSchema>;

/**
 * What a trace is unique by: equal keys mean equal numbers up to what the provider rounds, so that nothing is computed
 * twice.
 */
export function traceKey(trace: QueuedTrace): string {
  const { imageSha256, modelSha256, prompt, conceptSetSha256, lens, topK, generate, controls } = trace;
  const positions =
    typeof trace.positions === 'string'
      ? trace.positions
      : [...new Set(trace.positions)].sort((a, b) => a - b);
  const traceGenerated = trace.traceGenerated && generate > 0;
  const decisive = { imageSha256, modelSha256, prompt, conceptSetSha256, lens, positions };
  // Left out where it says nothing, so that traces of earlier versions keep their keys.
  const detail = trace.maxPixels === null ? {} : { maxPixels: trace.maxPixels };
  const kept = { topK, generate, traceGenerated, controls, ...detail };
  return contentKey({ schema: 'fundus-lens.trace/1', ...decisive, ...kept });
}

export function toQueuedTask(trace: QueuedTrace, imageId: number | null, priority: number): NewQueuedTask {
  return {
    kind: 'trace',
    contentKey: traceKey(trace),
    request: trace,
    imageId,
    modelKey: trace.modelSha256,
    priority,
  };
}
