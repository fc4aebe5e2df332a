import { useEventListener } from '@vueuse/core';
import { ref, watch } from 'vue';
import type { Ref } from 'vue';
import { onBeforeRouteLeave } from 'vue-router';

/** Asks before anything leads away from what was written and not saved: another view, another item, closing. */
export function useUnsavedGuard(unsaved: Ref<boolean>) {
  const asking = ref(false);
  let answer: ((mayLeave: boolean) => void) | null = null;

  function ask(): Promise<boolean> {
    answer?.(false);
    asking.value = true;
    return new Promise((resolve) => (answer = resolve));
  }

  function settle(mayLeave: boolean) {
    asking.value = false;
    answer?.(mayLeave);
    answer = null;
  }

  // What was being saved while somebody left is saved now.
  watch(unsaved, (isUnsaved) => {
    if (!isUnsaved && asking.value) settle(true);
  });

  /** Goes on at once when nothing would be lost, and otherwise when a person says so. */
  function leave(go: () => void) {
    if (!unsaved.value) go();
    else
      void ask().then((mayLeave) => {
        if (mayLeave) go();
      });
  }

  onBeforeRouteLeave(() => !unsaved.value || ask());
  useEventListener(window, 'beforeunload', (event) => {
    if (unsaved.value) event.preventDefault();
  });

  return { asking, leave, stay: () => settle(false), discard: () => settle(true) };
}
