import { defineStore } from 'pinia';
import { computed, ref } from 'vue';
import type { EngineStage } from '../../../electron/engine/lens-trace/progress.ts';
import type { Job, JobState } from '../../../electron/contract/jobs.ts';
import type { TraceOrder } from '../../../electron/contract/traces.ts';
import { workbench } from '../../api/connection.ts';
import { onWorkbenchEvent } from '../../api/events.ts';
import { shareDone } from './job-progress.ts';
import { useToasts } from '../../ui/toasts-store.ts';

interface StageProgress {
  readonly stage: EngineStage;
  readonly done: number;
  readonly total: number;
}

/** The queue: how far it is, what runs, and what ended. */
export const useJobs = defineStore('jobs', () => {
  const counts = ref<Record<JobState, number>>({
    queued: 0,
    running: 0,
    paused: 0,
    done: 0,
    failed: 0,
    cancelled: 0,
  });
  const millisecondsLeft = ref<number | null>(null);
  const paused = ref(false);
  const list = ref<Job[]>([]);
  const progress = ref(new Map<number, StageProgress>());
  const loaded = ref(false);
  const toasts = useToasts();

  const active = computed(() => counts.value.queued + counts.value.running);
  const running = computed(() => list.value.filter((job) => job.state === 'running'));
  /** Jobs of the present batch: those that wait, run, or ended since the queue was last empty. */
  const batchTotal = ref(0);
  const batchDone = computed(() => Math.max(0, batchTotal.value - active.value));

  async function refresh() {
    const [summary, jobs] = await Promise.all([workbench.jobs.counts(), workbench.jobs.list({ limit: 200 })]);
    counts.value = { ...counts.value, ...summary.counts };
    millisecondsLeft.value = summary.millisecondsLeft;
    paused.value = summary.paused;
    list.value = jobs;
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
    if (event.type === 'job-progress') {
      const next = new Map(progress.value);
      next.set(event.jobId, { stage: event.stage, done: event.done, total: event.total });
      progress.value = next;
    } else if (event.type === 'job') {
      if (event.state !== 'running') {
        const next = new Map(progress.value);
        next.delete(event.jobId);
        progress.value = next;
      }
      refreshSoon();
    } else if (event.type === 'queue' || event.type === 'resync') {
      refreshSoon();
    }
  });

  async function enqueue(order: TraceOrder) {
    const outcome = await workbench.jobs.enqueue(order);
    await refresh();
    return outcome;
  }

  /** Resolves with the trace when the job is done, with null when it failed or was cancelled. */
  function traceOf(jobId: number): Promise<number | null> {
    return new Promise((resolve) => {
      const check = async () => {
        const job = await workbench.jobs.get({ id: jobId });
        if (job.state === 'done') finish(job.traceId);
        else if (job.state === 'failed' || job.state === 'cancelled') finish(null);
      };
      const stop = onWorkbenchEvent((event) => {
        if (event.type === 'resync' || (event.type === 'job' && event.jobId === jobId)) void check();
      });
      const finish = (traceId: number | null) => {
        stop();
        resolve(traceId);
      };
      void check();
    });
  }

  async function act(action: 'pause' | 'resume' | 'cancel' | 'retry', ids: number[]) {
    if (ids.length === 0) return;
    try {
      await workbench.jobs[action]({ ids });
      await refresh();
    } catch (error) {
      toasts.fail(error);
    }
  }

  async function setQueuePaused(pause: boolean) {
    try {
      await (pause ? workbench.jobs.pauseQueue() : workbench.jobs.resumeQueue());
      await refresh();
    } catch (error) {
      toasts.fail(error);
    }
  }

  async function restartEngine() {
    try {
      await workbench.jobs.restartEngine();
    } catch (error) {
      toasts.fail(error);
    }
  }

  /** How far a running job is, 0–1. */
  function shareOf(job: Job): number {
    const stage = progress.value.get(job.id);
    return stage === undefined ? 0 : shareDone(stage.stage, stage.done, stage.total);
  }

  return {
    counts,
    millisecondsLeft,
    paused,
    list,
    progress,
    loaded,
    active,
    running,
    batchTotal,
    batchDone,
    refresh,
    enqueue,
    traceOf,
    act,
    setQueuePaused,
    restartEngine,
    shareOf,
  };
});
