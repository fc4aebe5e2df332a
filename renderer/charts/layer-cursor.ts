import { inject, provide } from 'vue';
import type { InjectionKey, Ref } from 'vue';

const key: InjectionKey<Ref<number>> = Symbol('layer');

/** Gives all figures below one layer to mark; moving it draws the marks alone again, and no figure. */
export function provideLayer(layerIndex: Ref<number>): void {
  provide(key, layerIndex);
}

/** The layer that is looked at; null where there is none to mark. */
export function useLayer(): Ref<number> | null {
  return inject(key, null);
}
