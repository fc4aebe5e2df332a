import type { Problem } from '../../contract/problem.ts';
import type { ProgressBar } from '../terminal/progress-bar.ts';
import type { LibraryTools } from './library-context.ts';

/** A queued trace that is over. */
export interface EndedTrace {
  /** null when it failed or was cancelled. */
  readonly traceId: number | null;
  /** null for a prompt without an image. */
  readonly imageName: string | null;
  /** null when it is done or was cancelled. */
  readonly problem: Problem | null;
}

/**
 * Waits for queued traces and gives each one as it ends, showing how far the running one is. Ctrl-C ends the waiting;
 * what is not done stays in the queue.
 */
export async function* followTraces(
  { client, signal }: LibraryTools,
  ids: readonly number[],
  progress: ProgressBar,
): AsyncGenerator<EndedTrace> {
  const waiting = new Set(ids);
  const events = await client.events.subscribe(undefined, { signal });
  try {
    yield* await takeEnded(client, waiting, ids);
    if (waiting.size === 0) return;
    for await (const event of events) {
      if (event.type === 'job-progress' && waiting.has(event.jobId)) {
        progress.title = ids.length === 1 ? '' : `${ids.length - waiting.size + 1}/${ids.length}`;
        progress.update(event);
      } else if (event.type === 'resync') {
        yield* await takeEnded(client, waiting, ids);
      } else if (event.type === 'job' && waiting.has(event.jobId)) {
        yield* await takeEnded(client, waiting, [event.jobId]);
      }
      if (waiting.size === 0) return;
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    progress.clear();
  }
}

async function takeEnded(
  client: LibraryTools['client'],
  waiting: Set<number>,
  ids: readonly number[],
): Promise<EndedTrace[]> {
  const ended: EndedTrace[] = [];
  for (const id of ids) {
    if (!waiting.has(id)) continue;
    const { state, traceId, imageId, error } = await client.jobs.get({ id });
    if (state === 'queued' || state === 'running' || state === 'paused') continue;
    waiting.delete(id);
    const imageName = imageId === null ? null : (await client.images.get({ id: imageId })).image.fileName;
    ended.push({ traceId, imageName, problem: error });
  }
  return ended;
}
