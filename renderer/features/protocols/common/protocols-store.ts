import { defineStore } from 'pinia';
import { ref, shallowRef } from 'vue';
import { readProtocolSchema, type ProtocolSchema } from '../../../../electron/protocol/schema.ts';
import type { Protocol } from '../../../../electron/protocol/protocol.ts';
import { workbench } from '../../../api/connection.ts';
import { useSettings } from '../../settings/settings-store.ts';

/** The form of description protocols, loaded once, and who fills it in at this computer. */
export const useProtocols = defineStore('protocols', () => {
  const settings = useSettings();
  const schema = shallowRef<ProtocolSchema | null>(null);
  const observers = ref<string[]>([]);
  let proposal: { readonly imageId: number; readonly protocol: Protocol } | null = null;

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

  /** Keeps a protocol that the form of an image begins with when it is opened next. */
  function propose(imageId: number, protocol: Protocol): void {
    proposal = { imageId, protocol };
  }

  /** What was proposed for the image; once. */
  function takeProposal(imageId: number): Protocol | null {
    const taken = proposal?.imageId === imageId ? proposal.protocol : null;
    proposal = null;
    return taken;
  }

  return { propose, takeProposal, schema, observers, load, lastObserver, rememberObserver };
});
