import type { Job } from '../../contract/jobs.ts';
import type { Library } from '../../store/library.ts';
import { traceJobSchema, type TraceJob } from './trace-job.ts';

/** Jobs that are looked at; an image may have several, with one prompt each. */
const lookAhead = 64;
/** As many as an engine ever takes together with the image of a running job. */
const mostImages = 7;

/**
 * Files of the images that will probably be traced after a job with the same model, provider and positions: the engine may
 * take them along. Whatever prompts they come with, the part of them up to the image is the same.
 *
 * @returns nearest first; none for a job without an image, or one that failed before
 */
export function upcomingImages({ jobs, images }: Library, job: Job, traceJob: TraceJob): string[] {
  // Another image may have been what ended the engine last time.
  if (job.imageId === null || job.attempts > 1) return [];
  const ids = new Set<number>();
  for (const next of jobs.next(job.modelKey, lookAhead)) {
    if (next.imageId === null || next.imageId === job.imageId) continue;
    const { success, data } = traceJobSchema.safeParse(next.request);
    if (success && isAlike(data, traceJob)) ids.add(next.imageId);
    if (ids.size === mostImages) break;
  }
  return [...ids].map((id) => images.readableFile(images.get(id)));
}

function isAlike(a: TraceJob, b: TraceJob): boolean {
  return (
    a.modelId === b.modelId &&
    a.provider === b.provider &&
    a.maxPixels === b.maxPixels &&
    JSON.stringify(a.positions) === JSON.stringify(b.positions)
  );
}
