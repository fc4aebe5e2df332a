import { defineStore } from 'pinia';
import { ref, shallowRef } from 'vue';
import { readProtocolSchema, type ProtocolSchema } from '../../../electron/protocol/schema.ts';
import { workbench } from '../../api/connection.ts';
import { useSettings } from '../settings/settings-store.ts';

/** The form of description protocols, loaded once, and who fills it in at this computer. */
export const useProtocols = defineStore('protocols', () => {
  const settings = useSettings();
  const schema = shallowRef<ProtocolSchema | null>(null);
  const observers = ref<string[]>([]);

  async function load(): Promise<ProtocolSchema> {
    observers.value = (await workbench.protocols.observers())
      .map(({ observer }) => observer)
      .filter((observer) => observer !== '');
    schema.value ??= readProtocolSchema(await workbench.protocols.schema());
    return schema.value;
  }

  /** The observer of the last protocol that was saved here. */
  function lastObserver(): string {
    const name = settings.values?.interface['observer'];
    return typeof name === 'string' ? name : '';
  }

  async function rememberObserver(observer: string): Promise<void> {
    if (observer !== lastObserver()) await settings.patch({ interface: { observer } });
  }

  return { schema, observers, load, lastObserver, rememberObserver };
});
