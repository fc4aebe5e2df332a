import { defineStore } from 'pinia';
import { ref, shallowRef } from 'vue';
import type { ImportCounts, ImportReport } from '../../../electron/contract/imports.ts';
import { isOver } from '../../../electron/contract/tasks.ts';
import { desktop, workbench } from '../../api/connection.ts';
import { onWorkbenchEvent } from '../../api/events.ts';
import { filesOfDrop, pathsOfDrop, uploadFiles } from '../../api/uploads.ts';
import type { GivenFile } from '../../api/uploads.ts';
import { i18n } from '../../locales/i18n.ts';
import { useToasts } from '../../ui/toasts-store.ts';

/** Files on their way into the library. */
export const useImports = defineStore('imports', () => {
  const { t } = i18n.global;
  const toasts = useToasts();
  const uploading = ref<{ done: number; total: number } | null>(null);
  const report = shallowRef<ImportReport | null>(null);
  const reportOpen = ref(false);
  const cleaners = new Map<number, () => Promise<void>>();

  onWorkbenchEvent((event) => {
    if (event.type !== 'task' || event.task.importId === null || !isOver(event.task)) return;
    void finish(event.task.importId);
  });

  const finished = new Set<number>();
  async function finish(importId: number) {
    if (finished.has(importId)) return;
    finished.add(importId);
    await cleaners
      .get(importId)?.()
      .catch(() => undefined);
    cleaners.delete(importId);
    report.value = await workbench.imports.get({ id: importId });
    const { added = 0, failed = 0 } = report.value.counts as Partial<ImportCounts>;
    const action = { label: t('imports.report'), run: () => (reportOpen.value = true) };
    if (failed > 0) {
      toasts.info(t('imports.doneWithFailures', { added, failed }), action);
      reportOpen.value = true;
    } else {
      toasts.success(t('imports.done', { n: added }, added), action);
    }
  }

  async function startPaths(paths: string[], clean?: () => Promise<void>) {
    if (paths.length === 0) return;
    try {
      const { importId } = await workbench.imports.start({ paths });
      if (clean !== undefined) cleaners.set(importId, clean);
      const { state } = await workbench.imports.get({ id: importId });
      if (state !== 'running') void finish(importId);
    } catch (error) {
      await clean?.().catch(() => undefined);
      toasts.fail(error);
    }
  }

  async function startFiles(files: readonly GivenFile[]) {
    if (files.length === 0) return;
    uploading.value = { done: 0, total: files.length };
    try {
      const { folder, remove } = await uploadFiles(
        files,
        (done) => (uploading.value = { done, total: files.length }),
      );
      await startPaths([folder], remove);
    } catch (error) {
      toasts.fail(error);
    } finally {
      uploading.value = null;
    }
  }

  async function startDrop(transfer: DataTransfer) {
    const paths = pathsOfDrop(transfer);
    if (paths.length > 0) await startPaths(paths);
    else await startFiles(await filesOfDrop(transfer));
  }

  async function chooseFiles() {
    if (desktop !== null) await startPaths((await desktop.openFiles({ purpose: 'images' })).paths);
    else chooseInBrowser(false);
  }

  async function chooseFolder() {
    if (desktop !== null) await startPaths((await desktop.openFolder()).paths);
    else chooseInBrowser(true);
  }

  function chooseInBrowser(folder: boolean) {
    const input = document.createElement('input');
    input.type = 'file';
    input.multiple = true;
    input.webkitdirectory = folder;
    input.addEventListener('change', () => {
      void startFiles(
        [...(input.files ?? [])].map((file) => ({ file, path: file.webkitRelativePath || file.name })),
      );
    });
    input.click();
  }

  async function openReport() {
    try {
      const [latest] = await workbench.imports.list({ limit: 1 });
      if (latest !== undefined) report.value = await workbench.imports.get({ id: latest.id });
      reportOpen.value = true;
    } catch (error) {
      toasts.fail(error);
    }
  }

  return {
    uploading,
    report,
    reportOpen,
    startPaths,
    startFiles,
    startDrop,
    chooseFiles,
    chooseFolder,
    openReport,
  };
});
