import { defineStore } from 'pinia';
import { ref } from 'vue';
import type { ProvidersView } from '../../../electron/contract/models/providers.ts';
import { workbench } from '../../api/connection.ts';
import { onWorkbenchEvent } from '../../api/events.ts';
import { useToasts } from '../../ui/toasts-store.ts';

/** What this computer can compute with, and the CUDA library. */
export const useProviders = defineStore('providers', () => {
  const toasts = useToasts();
  const view = ref<ProvidersView | null>(null);
  /** The providers are being tried. */
  const trying = ref(false);

  /** @param fresh tries them anew */
  async function load(fresh = false) {
    trying.value = true;
    await attempt(async () => {
      view.value = await workbench.providers.list({ fresh });
    });
    trying.value = false;
  }

  async function attempt(work: () => Promise<unknown>) {
    try {
      await work();
    } catch (error) {
      toasts.fail(error);
    }
  }

  /** @param file a package of this computer; null asks the feed */
  const install = (file: { readonly path: string; readonly sha512: string } | null) =>
    attempt(async () => {
      const { path, sha512 = '' } = file ?? {};
      await workbench.providers.installCuda(
        path === undefined
          ? { from: 'feed' }
          : { from: 'file', path, ...(sha512.trim() === '' ? {} : { sha512 }) },
      );
    });

  const remove = () =>
    attempt(async () => {
      view.value = await workbench.providers.removeCuda({ confirmed: true });
    });

  onWorkbenchEvent((event) => {
    if (view.value === null) return;
    const isInstalled =
      event.type === 'task' && event.task.kind === 'cuda-install' && event.task.state === 'done';
    if (isInstalled || event.type === 'settings' || event.type === 'resync') void load();
  });

  return { view, trying, load, install, remove };
});
