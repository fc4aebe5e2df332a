import { onUnmounted } from 'vue';
import { onWorkbenchEvent } from '../../../api/events.ts';

const pause = 300;

/** Calls `load` when an experiment may have changed; many changes at once are one. */
export function useExperimentChanges(load: () => unknown): void {
  let waiting: ReturnType<typeof setTimeout> | undefined;
  const stop = onWorkbenchEvent((event) => {
    const isChange =
      event.type === 'resync' ||
      event.type === 'queue' ||
      (event.type === 'task' && event.task.kind === 'trace') ||
      (event.type === 'library' && ['experiments', 'traces', 'images'].includes(event.what));
    if (!isChange) return;
    waiting ??= setTimeout(() => {
      waiting = undefined;
      load();
    }, pause);
  });
  onUnmounted(() => {
    stop();
    clearTimeout(waiting);
  });
}
