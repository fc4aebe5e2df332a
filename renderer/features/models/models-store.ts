import { defineStore } from 'pinia';
import { ref } from 'vue';
import type { HubAccount, Room } from '../../../electron/contract/models/models.ts';
import { workbench } from '../../api/connection.ts';
import { onWorkbenchEvent } from '../../api/events.ts';

/** What this computer has room for, and the hub that models come from. */
export const useModels = defineStore('models', () => {
  const room = ref<Room | null>(null);
  const account = ref<HubAccount | null>(null);

  async function load() {
    [room.value, account.value] = await Promise.all([
      workbench.models.room(),
      workbench.models.hub.get(),
    ]);
  }

  onWorkbenchEvent((event) => {
    if (event.type === 'settings' || event.type === 'resync') void load();
    else if (event.type === 'models') void refreshRoom();
  });

  async function refreshRoom() {
    room.value = await workbench.models.room();
  }

  return { room, account, load };
});
