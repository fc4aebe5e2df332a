import { defineStore } from 'pinia';
import { ref, shallowRef } from 'vue';
import type { DecoderSummary } from '../../../../electron/contract/protocols/decoders.ts';
import type { DecoderReport } from '../../../../electron/contract/protocols/decoder-report.ts';
import { workbench } from '../../../api/connection.ts';
import { onWorkbenchEvent } from '../../../api/events.ts';

/** The decoders of the library, and the one that was used last. */
export const useDecoders = defineStore('decoders', () => {
  const list = shallowRef<DecoderSummary[] | null>(null);
  const decoderId = ref<number | null>(null);
  /** The group that was last looked at with a decoder; null for all photographs. */
  const groupId = ref<number | null>(null);
  const reports = new Map<number, Promise<DecoderReport>>();
  /** Tasks that read features for a fit; they end with it when it is cancelled. */
  const tapsOf = ref(new Map<string, readonly string[]>());

  /** Reads the list anew; a choice that is gone falls back to the first decoder whose model is here. */
  async function load(): Promise<DecoderSummary[]> {
    const decoders = await workbench.decoders.list();
    list.value = decoders;
    if (!decoders.some(({ id }) => id === decoderId.value)) {
      decoderId.value = (decoders.find(({ modelId }) => modelId !== null) ?? decoders[0])?.id ?? null;
    }
    return decoders;
  }

  /** Scores by layer; they never change, and are asked for once. */
  function report(id: number): Promise<DecoderReport> {
    const known = reports.get(id);
    if (known !== undefined) return known;
    const asked = workbench.decoders.report({ id });
    reports.set(id, asked);
    asked.catch(() => reports.delete(id));
    return asked;
  }

  /** Queues a fit, and the reading of features that it needs. */
  async function fit(order: Parameters<typeof workbench.decoders.fit>[0]): Promise<void> {
    const { taskId, taps } = await workbench.decoders.fit(order);
    tapsOf.value.set(taskId, taps);
  }

  /** Ends a fit with the readings that were queued for it; features that are there already stay. */
  async function cancelFit(taskId: string): Promise<void> {
    const taps = tapsOf.value.get(taskId) ?? [];
    await workbench.tasks.cancel({ ids: [taskId, ...taps] });
  }

  onWorkbenchEvent((event) => {
    if (list.value === null) return;
    if (event.type === 'resync' || (event.type === 'library' && event.what === 'decoders'))
      void load().catch(() => undefined);
  });

  return { list, decoderId, groupId, tapsOf, load, report, fit, cancelFit };
});
