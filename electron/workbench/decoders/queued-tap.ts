import { z } from 'zod';
import { idSchema, sha256Schema } from '../../contract/ids.ts';
import { traceRequestSchema } from '../../engine/lens-trace/trace-request.ts';
import { contentKey } from '../../store/database/canonical-json.ts';
import type { NewQueuedTask } from '../../store/queue/queued-task.ts';

/** What a tap keeps in the queue. */
export const queuedTapSchema = z.object({
  modelId: idSchema,
  modelSha256: sha256Schema,
  imageSha256: sha256Schema,
  prompt: z.string(),
  maxPixels: z.int().positive().nullable(),
  provider: traceRequestSchema.shape.provider,
  /** Yes/no questions of the protocol, whose answers are kept instead of features; null for features. */
  questions: z.array(z.string()).min(1).nullable(),
});

export type QueuedTap = z.infer<typeof queuedTapSchema>;

/** The image's own number is part of the key: an image that was removed and imported again is read again. */
export function toQueuedTap(tap: QueuedTap, imageId: number, priority: number): NewQueuedTask {
  const { modelSha256, imageSha256, prompt, maxPixels, questions } = tap;
  return {
    kind: 'tap',
    contentKey: contentKey({
      schema: 'fundus-lens.tap/1',
      imageId,
      modelSha256,
      imageSha256,
      prompt,
      maxPixels,
      questions,
    }),
    request: tap,
    imageId,
    modelKey: modelSha256,
    priority,
  };
}
