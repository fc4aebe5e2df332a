import { defineStore } from 'pinia';
import { ref, shallowRef } from 'vue';
import type { LensSummary } from '../../../electron/contract/traces/lenses.ts';
import { workbench } from '../../api/connection.ts';
import { onWorkbenchEvent } from '../../api/events.ts';

/** The fitted lenses of the library, and the one that was looked at last. */
export const useLenses = defineStore('lenses', () => {
  const list = shallowRef<LensSummary[] | null>(null);
  const lensId = ref<number | null>(null);

  /** Reads the list anew; a choice that is gone falls back to the newest. */
  async function load(): Promise<LensSummary[]> {
    const lenses = await workbench.lenses.list();
    list.value = lenses;
    if (!lenses.some(({ id }) => id === lensId.value)) lensId.value = lenses[0]?.id ?? null;
    return lenses;
  }

  onWorkbenchEvent((event) => {
    if (list.value === null) return;
    if (event.type === 'resync' || (event.type === 'library' && event.what === 'lenses'))
      void load().catch(() => undefined);
  });

  return { list, lensId, load };
});
