import { defineStore } from 'pinia';
import { ref, shallowRef } from 'vue';
import type { DecoderReport, DecoderSummary } from '../../../electron/contract/decoders.ts';
import { workbench } from '../../api/connection.ts';

/** The decoders of the library, and the one that was used last. */
export const useDecoders = defineStore('decoders', () => {
  const list = shallowRef<DecoderSummary[] | null>(null);
  const decoderId = ref<number | null>(null);
  const reports = new Map<number, Promise<DecoderReport>>();

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

  return { list, decoderId, load, report };
});
