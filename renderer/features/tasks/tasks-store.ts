import { defineStore } from 'pinia';
import { computed, ref } from 'vue';
import { isOver, taskStates } from '../../../electron/contract/app/tasks.ts';
import type { Problem } from '../../../electron/contract/problem.ts';
import type { Task, TaskAction, TaskKind, TaskState } from '../../../electron/contract/app/tasks.ts';
import { workbench } from '../../api/connection.ts';
import { onWorkbenchEvent } from '../../api/events.ts';
import { i18n } from '../../locales/i18n.ts';
import { useToasts } from '../../ui/toasts-store.ts';
import { shareDone } from './share-done.ts';
import { titleOf } from './task-text.ts';

/** How many tasks are shown, newest first; whatever runs is always among them. */
const shown = 200;
/** Of other kinds, something else says that they are done: an import its report, a trace itself. */
const announced: readonly TaskKind[] = [
  'model-download',
  'model-copy',
  'model-prepare',
  'model-verify',
  'cuda-install',
];
const order: Readonly<Record<TaskState, number>> = {
  running: 0,
  queued: 1,
  paused: 1,
  failed: 2,
  done: 2,
  cancelled: 2,
};

/** Everything that takes long: what runs, what waits, and what has ended. */
export const useTasks = defineStore('tasks', () => {
  const { t } = i18n.global;
  const toasts = useToasts();
  const counts = ref(Object.fromEntries(taskStates.map((state) => [state, 0])) as Record<TaskState, number>);
  const millisecondsLeft = ref<number | null>(null);
  const paused = ref(false);
  /** Why nothing can be stored now; null when all is well. */
  const problem = ref<Problem | null>(null);
  const known = ref(new Map<string, Task>());
  const loaded = ref(false);

  /** What runs comes first, then what waits, then what is over; each newest first. */
  const list = computed(() =>
    [...known.value.values()].sort(
      (a, b) => order[a.state] - order[b.state] || Date.parse(b.createdAt) - Date.parse(a.createdAt),
    ),
  );
  const active = computed(() => counts.value.queued + counts.value.running);
  /** Tasks of the present batch: those that wait, run, or ended since nothing was left last. */
  const batchTotal = ref(0);
  const share = computed(() => {
    if (batchTotal.value === 0) return 0;
    const running = list.value.filter(({ state }) => state === 'running');
    const begun = running.reduce((sum, task) => sum + (shareDone(task) ?? 0), 0);
    return Math.min(1, (batchDone.value + begun) / batchTotal.value);
  });
  const batchDone = computed(() => Math.max(0, batchTotal.value - active.value));

  async function refresh() {
    const [summary, running, newest] = await Promise.all([
      workbench.tasks.counts(),
      workbench.tasks.list({ states: ['running'], limit: 50 }),
      workbench.tasks.list({ limit: shown }),
    ]);
    counts.value = summary.counts;
    millisecondsLeft.value = summary.millisecondsLeft;
    paused.value = summary.paused;
    problem.value = summary.problem;
    known.value = new Map([...running, ...newest].map((task) => [task.id, task]));
    loaded.value = true;
    batchTotal.value = active.value === 0 ? 0 : Math.max(batchTotal.value, active.value);
  }

  let waiting: ReturnType<typeof setTimeout> | undefined;
  function refreshSoon() {
    waiting ??= setTimeout(() => {
      waiting = undefined;
      void refresh().catch(() => undefined);
    }, 200);
  }

  onWorkbenchEvent((event) => {
    if (event.type === 'task-progress') {
      const task = known.value.get(event.taskId);
      const { progress, millisecondsLeft: left } = event;
      if (task !== undefined) known.value.set(task.id, { ...task, progress, millisecondsLeft: left });
    } else if (event.type === 'task') {
      const before = known.value.get(event.task.id)?.state;
      known.value.set(event.task.id, event.task);
      if (before !== 'done' && event.task.state === 'done' && announced.includes(event.task.kind)) {
        toasts.success(t('tasks.ended', { title: titleOf(event.task) }));
      }
      refreshSoon();
    } else if (event.type === 'queue' || event.type === 'resync') {
      refreshSoon();
    }
  });

  /** Tasks of these kinds, in the order of {@link list}. */
  function ofKinds(...kinds: readonly TaskKind[]): Task[] {
    return list.value.filter(({ kind }) => kinds.includes(kind));
  }

  /** Resolves with the trace when the task is done, with null when it failed or was cancelled. */
  function traceOf(id: string): Promise<number | null> {
    return new Promise((resolve) => {
      const look = (task: Task) => {
        if (!isOver(task)) return;
        stop();
        resolve(task.state === 'done' ? task.traceId : null);
      };
      const ask = async () => look(await workbench.tasks.get({ id }));
      const stop = onWorkbenchEvent((event) => {
        if (event.type === 'resync') void ask();
        else if (event.type === 'task' && event.task.id === id) look(event.task);
      });
      void ask();
    });
  }

  const act = (action: TaskAction, ids: string[]) =>
    attempt(async () => {
      if (ids.length > 0) await workbench.tasks[action]({ ids });
    });

  const setQueuePaused = (pause: boolean) =>
    attempt(() => (pause ? workbench.tasks.pauseQueue() : workbench.tasks.resumeQueue()));

  const restartEngine = () => attempt(() => workbench.tasks.restartEngine());

  async function attempt(work: () => Promise<unknown>) {
    try {
      await work();
      await refresh();
    } catch (error) {
      toasts.fail(error);
    }
  }

  return {
    counts,
    millisecondsLeft,
    paused,
    problem,
    list,
    loaded,
    active,
    batchTotal,
    batchDone,
    share,
    refresh,
    ofKinds,
    traceOf,
    act,
    setQueuePaused,
    restartEngine,
  };
});
