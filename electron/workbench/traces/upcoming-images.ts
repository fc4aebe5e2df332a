import type { Library } from '../../store/library/library.ts';
import type { QueuedTask } from '../../store/queue/queued-task.ts';
import { queuedTraceSchema, type QueuedTrace } from './queued-trace.ts';

/** Tasks that are looked at; an image may have several, with one prompt each. */
const lookAhead = 64;
/** As many as an engine ever takes together with the image of a running task. */
const mostImages = 7;

/**
 * Files of the images that will probably be traced after a task with the same model, provider and positions: the engine may
 * take them along. Whatever prompts they come with, the part of them up to the image is the same.
 *
 * @returns nearest first; none for a task without an image, or one that failed before
 */
export function upcomingImages({ queue, images }: Library, task: QueuedTask, trace: QueuedTrace): string[] {
  // Another image may have been what ended the engine last time.
  if (task.imageId === null || task.attempts > 1) return [];
  const ids = new Set<number>();
  for (const next of queue.next(task.modelKey, lookAhead)) {
    if (next.imageId === null || next.imageId === task.imageId) continue;
    const { success, data } = queuedTraceSchema.safeParse(next.request);
    if (success && isAlike(data, trace)) ids.add(next.imageId);
    if (ids.size === mostImages) break;
  }
  return [...ids].map((id) => images.readableFile(images.get(id)));
}

function isAlike(a: QueuedTrace, b: QueuedTrace): boolean {
  return (
    a.modelId === b.modelId &&
    a.provider === b.provider &&
    a.maxPixels === b.maxPixels &&
    JSON.stringify(a.positions) === JSON.stringify(b.positions)
  );
}
