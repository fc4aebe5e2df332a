import { api } from '../api.ts';
import type { Desk } from '../desk.ts';
import { enqueueTraces } from './enqueue.ts';
import type { JobState } from '../../contract/jobs.ts';

export function jobsRouter(desk: Desk) {
  const { session, runner, events, engines } = desk;
  const { jobs } = api;

  const counts = () => {
    const { millisecondsLeft, ...byState } = session.library.jobs.counts();
    return {
      counts: byState satisfies Record<JobState, number>,
      millisecondsLeft,
      paused: session.library.jobs.isQueuePaused(),
    };
  };
  const tellQueue = () => {
    runner.notice();
    events.publish({ type: 'queue', paused: session.library.jobs.isQueuePaused() });
  };
  const told = (ids: readonly number[], changed: number) => {
    tellQueue();
    if (ids.length <= 200) ids.forEach((id) => runner.publish(id));
    return { changed };
  };

  return jobs.router({
    enqueue: jobs.enqueue.handler(async ({ input }) => {
      const outcome = await enqueueTraces(desk, input);
      tellQueue();
      return outcome;
    }),
    list: jobs.list.handler(({ input: { state, limit, beforeId } }) =>
      session.library.jobs.list({
        limit,
        ...(state === undefined ? {} : { state }),
        ...(beforeId === undefined ? {} : { beforeId }),
      }),
    ),
    get: jobs.get.handler(({ input }) => session.library.jobs.get(input.id)),
    counts: jobs.counts.handler(counts),
    pause: jobs.pause.handler(({ input }) => told(input.ids, session.library.jobs.pause(input.ids))),
    resume: jobs.resume.handler(({ input }) => told(input.ids, session.library.jobs.resume(input.ids))),
    cancel: jobs.cancel.handler(({ input }) => {
      const changed = session.library.jobs.cancel(input.ids);
      runner.abort(input.ids);
      return told(input.ids, changed);
    }),
    retry: jobs.retry.handler(({ input }) => told(input.ids, session.library.jobs.retry(input.ids))),
    setPriority: jobs.setPriority.handler(({ input: { ids, priority } }) => {
      session.library.jobs.setPriority(ids, priority);
      return told(ids, ids.length);
    }),
    pauseQueue: jobs.pauseQueue.handler(() => {
      session.library.jobs.setQueuePaused(true);
      tellQueue();
      return counts();
    }),
    resumeQueue: jobs.resumeQueue.handler(() => {
      session.library.jobs.setQueuePaused(false);
      tellQueue();
      return counts();
    }),
    restartEngine: jobs.restartEngine.handler(async () => ({ changed: await engines.closeAll() })),
  });
}
