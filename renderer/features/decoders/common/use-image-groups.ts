import { computed, onUnmounted, shallowRef } from 'vue';
import { useI18n } from 'vue-i18n';
import type { Group } from '../../../../electron/contract/images/groups.ts';
import type { ImageChoice } from '../../../../electron/contract/image-query.ts';
import { workbench } from '../../../api/connection.ts';
import { onWorkbenchEvent } from '../../../api/events.ts';
import { useFormat } from '../../../locales/use-format.ts';
import { useToasts } from '../../../ui/toasts-store.ts';

/** The groups of the library as a list to choose from; null stands for all photographs. */
export function useImageGroups() {
  const { t } = useI18n();
  const format = useFormat();
  const toasts = useToasts();
  const groups = shallowRef<Group[]>([]);

  async function load(): Promise<void> {
    try {
      groups.value = await workbench.groups.list();
    } catch (error) {
      toasts.fail(error);
    }
  }

  void load();
  onUnmounted(
    onWorkbenchEvent((event) => {
      if (event.type === 'resync' || (event.type === 'library' && event.what === 'groups')) void load();
    }),
  );

  return computed(() => [
    { value: null, text: t('decoders.allImages') },
    ...groups.value.map(({ id, name, imageCount }) => ({
      value: id,
      text: `${name} (${format.value.integer(imageCount)})`,
    })),
  ]);
}

export function choiceOf(groupId: number | null): ImageChoice {
  return { filter: groupId === null ? {} : { groupId } };
}
