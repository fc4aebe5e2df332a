import { defineStore } from 'pinia';
import { computed, ref } from 'vue';
import type { AppInfo } from '../../../electron/contract/app/app.ts';
import type { LibraryStatus } from '../../../electron/contract/app/library.ts';
import type { Problem } from '../../../electron/contract/problem.ts';
import type { Model } from '../../../electron/contract/models/models.ts';
import { workbench } from '../../api/connection.ts';
import { onWorkbenchEvent } from '../../api/events.ts';
import { useSettings } from '../settings/settings-store.ts';

interface EngineState {
  readonly modelId: number | null;
  readonly state: 'starting' | 'ready' | 'busy' | 'stopped' | 'crashed';
  readonly problem: Problem | null;
}

/** Milliseconds between two looks at a library that is being filled. */
const fillingPause = 300;

/** What the whole window needs to know: the software, the library, the models and the engine. */
export const useSession = defineStore('session', () => {
  const info = ref<AppInfo | null>(null);
  const library = ref<LibraryStatus | null>(null);
  const models = ref<Model[]>([]);
  const engine = ref<EngineState>({ modelId: null, state: 'stopped', problem: null });
  const ready = ref(false);

  const settings = useSettings();
  const availableModels = computed(() => models.value.filter((model) => model.available));
  /** The model that new traces use unless another one is chosen. */
  const currentModel = computed(
    () =>
      availableModels.value.find((model) => model.id === settings.values?.trace.modelId) ??
      availableModels.value[0] ??
      null,
  );

  async function load() {
    [info.value, library.value, models.value] = await Promise.all([
      workbench.app.info(),
      workbench.library.status(),
      workbench.models.list(),
      settings.load(),
    ]);
    ready.value = true;
  }

  onWorkbenchEvent((event) => {
    if (event.type === 'engine') engine.value = event;
    else if (event.type === 'models') void workbench.models.list().then((list) => (models.value = list));
    else if (event.type === 'settings') void settings.load();
    else if (event.type === 'resync') void load();
    else if (event.type === 'library' && ['images', 'traces', 'backups'].includes(event.what)) {
      refreshStatus();
    }
  });

  let refreshing: ReturnType<typeof setTimeout> | undefined;
  function refreshStatus() {
    clearTimeout(refreshing);
    refreshing = setTimeout(
      () => void workbench.library.status().then((status) => (library.value = status)),
      400,
    );
  }

  /** Waits until what comes with the software has arrived in a new library; its models are known then. */
  async function waitUntilFilled() {
    while ((library.value = await workbench.library.status()).isFilling) {
      await new Promise((resolve) => setTimeout(resolve, fillingPause));
    }
    models.value = await workbench.models.list();
  }

  return { info, library, models, engine, ready, availableModels, currentModel, load, waitUntilFilled };
});
