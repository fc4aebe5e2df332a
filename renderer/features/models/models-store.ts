import { defineStore } from 'pinia';
import { computed, ref } from 'vue';
import type { HubAccount, ModelTask, Room } from '../../../electron/contract/models.ts';
import { workbench } from '../../api/connection.ts';
import { onWorkbenchEvent } from '../../api/events.ts';
import { i18n } from '../../locales/i18n.ts';
import { useToasts } from '../../ui/toasts-store.ts';

/** What happens to models, and what this computer has room for. */
export const useModels = defineStore('models', () => {
  const { t } = i18n.global;
  const toasts = useToasts();
  const tasks = ref<ModelTask[]>([]);
  const room = ref<Room | null>(null);
  const account = ref<HubAccount | null>(null);
  /** Newest first, what is under way before what is over. */
  const shown = computed(() =>
    [...tasks.value]
      .reverse()
      .filter(({ state }) => state !== 'cancelled')
      .sort((a, b) => Number(a.state === 'done') - Number(b.state === 'done')),
  );

  async function load() {
    [tasks.value, room.value, account.value] = await Promise.all([
      workbench.models.tasks.list(),
      workbench.models.room(),
      workbench.models.hub.get(),
    ]);
  }

  function put(task: ModelTask) {
    const known = tasks.value.some(({ id }) => id === task.id);
    tasks.value = known
      ? tasks.value.map((old) => (old.id === task.id ? task : old))
      : [...tasks.value, task];
  }

  onWorkbenchEvent((event) => {
    if (event.type === 'model-task') {
      const before = tasks.value.find(({ id }) => id === event.task.id)?.state;
      put(event.task);
      if (event.task.state === 'done' && before !== 'done') {
        toasts.success(t(`models.done.${event.task.kind}`, { title: event.task.title }));
        void refreshRoom();
      }
    } else if (event.type === 'settings' || event.type === 'resync') void load();
    else if (event.type === 'models') void refreshRoom();
  });

  async function refreshRoom() {
    room.value = await workbench.models.room();
  }

  async function act(action: 'pause' | 'resume' | 'cancel', taskId: string) {
    try {
      put(await workbench.models.tasks[action]({ taskId }));
    } catch (error) {
      toasts.fail(error);
    }
  }

  async function dismiss(taskId: string) {
    await workbench.models.tasks.dismiss({ taskIds: [taskId] }).catch((error: unknown) => toasts.fail(error));
    tasks.value = await workbench.models.tasks.list();
  }

  return { tasks, shown, room, account, load, put, act, dismiss };
});
