import { onMounted, ref } from 'vue';
import { useI18n } from 'vue-i18n';
import { workbench } from '../../api/connection.ts';
import type { Language } from '../../locales/i18n.ts';
import { useToasts } from '../../ui/toasts-store.ts';

/** Names of concepts of all sets in the language of the page; one that no set has any more is named by its id. */
export function useConceptNames(): (id: string) => string {
  const { locale } = useI18n();
  const toasts = useToasts();
  const labels = ref(new Map<string, { en: string; ru: string }>());
  async function load() {
    const sets = await workbench.concepts.list();
    labels.value = new Map(sets.flatMap(({ set }) => set.concepts.map(({ id, label }) => [id, label])));
  }
  onMounted(() => void load().catch(toasts.fail));
  return (id) => labels.value.get(id)?.[locale.value as Language] ?? id;
}
