import { ref } from 'vue';
import type { ExportResult } from '../../../electron/contract/exports.ts';
import { saveFile } from '../../api/save-file.ts';
import { useToasts } from '../../ui/toasts-store.ts';

/** Asks for a file and hands it to the person; one at a time, and it can be given up. */
export function useExport() {
  const toasts = useToasts();
  const busy = ref(false);
  let giveUp: AbortController | null = null;

  /** @returns whether the file was handed over */
  async function save(ask: (signal: AbortSignal) => Promise<ExportResult>): Promise<boolean> {
    if (busy.value) return false;
    busy.value = true;
    const controller = new AbortController();
    giveUp = controller;
    try {
      const { file, name } = await ask(controller.signal);
      if (file !== null) await saveFile(name, file);
      return true;
    } catch (error) {
      if (!controller.signal.aborted) toasts.fail(error);
      return false;
    } finally {
      busy.value = false;
      giveUp = null;
    }
  }

  return { busy, save, cancel: () => giveUp?.abort() };
}
