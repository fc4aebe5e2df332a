import { defineStore } from 'pinia';
import { computed, ref, shallowRef } from 'vue';

/** Where the person was in each view, and which panel lies open; nothing here is kept after the end. */
export const useWorkspace = defineStore('workspace', () => {
  const traceId = ref<number | null>(null);
  const compareIds = ref<number[]>([]);
  const trayOpen = ref(false);
  const shortcutsOpen = ref(false);
  const tourOpen = ref(false);
  /** Images for which the panel "new trace" is open; null when it is closed, empty for the prompt alone. */
  const newTraceFor = ref<number[] | null>(null);

  /** Images that are selected in the library. */
  const selectedImages = shallowRef<ReadonlySet<number>>(new Set());

  const lastTracePath = computed(() => (traceId.value === null ? '/trace' : `/trace/${traceId.value}`));
  const lastComparePath = computed(() =>
    compareIds.value.length === 0 ? '/compare' : `/compare?traces=${compareIds.value.join(',')}`,
  );

  return {
    traceId,
    compareIds,
    trayOpen,
    shortcutsOpen,
    tourOpen,
    newTraceFor,
    selectedImages,
    lastTracePath,
    lastComparePath,
  };
});
