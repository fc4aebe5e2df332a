import { defineStore } from 'pinia';
import { markRaw } from 'vue';
import { unpackTrace } from '../../../electron/engine/lens-trace/codec.ts';
import { workbench } from '../../api/connection.ts';
import type { LoadedTrace } from '../../reading/loaded-trace.ts';

const kept = 8;

/** Traces in memory, the last few of them; their arrays are never made reactive. */
export const useTraces = defineStore('traces', () => {
  const cache = new Map<number, Promise<LoadedTrace>>();

  function load(id: number): Promise<LoadedTrace> {
    const ready = cache.get(id);
    if (ready !== undefined) {
      cache.delete(id);
      cache.set(id, ready);
      return ready;
    }
    const loading = fetchTrace(id);
    cache.set(id, loading);
    loading.catch(() => cache.delete(id));
    if (cache.size > kept) cache.delete(cache.keys().next().value!);
    return loading;
  }

  return { load, forget: (id: number) => cache.delete(id) };
});

async function fetchTrace(id: number): Promise<LoadedTrace> {
  const [detail, cells] = await Promise.all([workbench.traces.get({ id }), workbench.traces.cells({ id })]);
  const { imageId } = detail.summary;
  const [trace, image] = await Promise.all([
    cells.arrayBuffer().then(unpackTrace),
    imageId === null ? null : workbench.images.get({ id: imageId }),
  ]);
  return markRaw({ id, detail, trace, image });
}
