import { computed } from 'vue';
import { useI18n } from 'vue-i18n';
import { createFormat } from './format.ts';
import type { Language } from './i18n.ts';

/** Numbers, dates and sizes in the form of the chosen language. */
export function useFormat() {
  const { locale } = useI18n();
  return computed(() => createFormat(locale.value as Language));
}
