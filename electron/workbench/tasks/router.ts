import type { TaskAction, TaskCounts } from '../../contract/app/tasks.ts';
import { api } from '../api.ts';
import type { Services } from '../services.ts';

export function tasksRouter({ tasks, queue, models, engines }: Services) {
  const contract = api.tasks;
  /** What an earlier start left is listed too; why it could not be read is in the log. */
  const takenUp = () => models.start().catch(() => undefined);
  const counts = (kinds?: Parameters<typeof tasks.counts>[0]): TaskCounts => ({
    counts: tasks.counts(kinds),
    ...queue.status(),
  });
  const act =
    (action: TaskAction) =>
    async ({ input }: { input: { ids: string[] } }) => {
      await takenUp();
      return { changed: await tasks.act(action, input.ids) };
    };

  return contract.router({
    list: contract.list.handler(async ({ input: { limit, before, ...filter } }) => {
      await takenUp();
      return tasks.list(filter, limit, before);
    }),
    get: contract.get.handler(async ({ input }) => {
      await takenUp();
      return tasks.get(input.id);
    }),
    counts: contract.counts.handler(({ input }) => counts(input.kinds)),
    pause: contract.pause.handler(act('pause')),
    resume: contract.resume.handler(act('resume')),
    cancel: contract.cancel.handler(act('cancel')),
    retry: contract.retry.handler(act('retry')),
    dismiss: contract.dismiss.handler(act('dismiss')),
    setPriority: contract.setPriority.handler(({ input: { ids, priority } }) => ({
      changed: queue.setPriority(ids, priority),
    })),
    pauseQueue: contract.pauseQueue.handler(() => {
      queue.setPaused(true);
      return counts();
    }),
    resumeQueue: contract.resumeQueue.handler(() => {
      queue.setPaused(false);
      return counts();
    }),
    restartEngine: contract.restartEngine.handler(async () => ({ changed: await engines.closeAll() })),
  });
}
