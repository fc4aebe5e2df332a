import { defineStore } from 'pinia';
import { ref, shallowRef } from 'vue';
import type { FolderPreview } from '../../../electron/contract/imports/import-preview.ts';
import type {
  ImportChoices,
  ImportCounts,
  ImportReport,
} from '../../../electron/contract/imports/imports.ts';
import { isOver } from '../../../electron/contract/app/tasks.ts';
import { desktop, workbench } from '../../api/connection.ts';
import { onWorkbenchEvent } from '../../api/events.ts';
import { filesOfDrop, pathsOfDrop, uploadFiles } from '../../api/uploads.ts';
import type { GivenFile } from '../../api/uploads.ts';
import { i18n } from '../../locales/i18n.ts';
import { useToasts } from '../../ui/toasts-store.ts';

type ImportOptions = Partial<ImportChoices>;

/** What was dropped or chosen: paths in a window of the operating system, files in a browser. */
interface GivenImport {
  readonly paths: readonly string[];
  readonly files: readonly GivenFile[];
}

function namesOf({ paths, files }: GivenImport) {
  return { paths: [...paths], files: files.map(({ path }) => path) };
}

/** Files on their way into the library. */
export const useImports = defineStore('imports', () => {
  const { t } = i18n.global;
  const toasts = useToasts();
  const uploading = ref<{ done: number; total: number } | null>(null);
  const report = shallowRef<ImportReport | null>(null);
  const reportOpen = ref(false);
  /** Folders whose meaning a person has still to confirm. */
  const pending = shallowRef<{ readonly given: GivenImport; readonly preview: FolderPreview } | null>(null);
  let upload: AbortController | null = null;
  const cleaners = new Map<number, () => Promise<void>>();

  onWorkbenchEvent((event) => {
    if (event.type !== 'task' || event.task.importId === null || !isOver(event.task)) return;
    void finish(event.task.importId);
  });

  /** Imports of one file that somebody opened with the app, to be looked at when it is there. */
  const opening = new Set<number>();
  /** The image that such an import has brought. */
  const opened = ref<number | null>(null);
  const finished = new Set<number>();
  async function finish(importId: number) {
    if (finished.has(importId)) return;
    finished.add(importId);
    await cleaners
      .get(importId)?.()
      .catch(() => undefined);
    cleaners.delete(importId);
    report.value = await workbench.imports.get({ id: importId });
    if (opening.delete(importId)) {
      const images = new Set(report.value.entries.map(({ imageId }) => imageId).filter((id) => id !== null));
      if (images.size === 1) opened.value = [...images][0]!;
    }
    const { added = 0, failed = 0 } = report.value.counts as Partial<ImportCounts>;
    const action = { label: t('imports.report'), run: () => (reportOpen.value = true) };
    if (failed > 0) {
      toasts.info(t('imports.doneWithFailures', { added, failed }), action);
      reportOpen.value = true;
    } else {
      toasts.success(t('imports.done', { n: added }, added), action);
    }
  }

  async function startPaths(
    paths: string[],
    options: ImportOptions,
    { clean, opens = false }: { readonly clean?: () => Promise<void>; readonly opens?: boolean } = {},
  ) {
    if (paths.length === 0) return;
    try {
      const { importId } = await workbench.imports.start({ paths, options });
      if (opens) opening.add(importId);
      if (clean !== undefined) cleaners.set(importId, clean);
      const { state } = await workbench.imports.get({ id: importId });
      if (state !== 'running') void finish(importId);
    } catch (error) {
      await clean?.().catch(() => undefined);
      toasts.fail(error);
    }
  }

  async function startFiles(files: readonly GivenFile[], options: ImportOptions) {
    if (files.length === 0) return;
    uploading.value = { done: 0, total: files.length };
    const controller = new AbortController();
    upload = controller;
    try {
      const { folder, remove } = await uploadFiles(
        files,
        (done) => (uploading.value = { done, total: files.length }),
        controller.signal,
      );
      await startPaths([folder], options, { clean: remove });
    } catch (error) {
      if (controller.signal.aborted) toasts.info(t('imports.uploadCancelled'));
      else toasts.fail(error);
    } finally {
      uploading.value = null;
    }
  }

  /** Nothing of an upload that is given up stays, and nothing of it is imported. */
  function cancelUpload() {
    upload?.abort();
  }

  /** Files go in at once; of folders, what they would become is shown first. */
  async function offer(given: GivenImport) {
    if (given.paths.length + given.files.length === 0) return;
    try {
      const preview = await workbench.imports.preview(namesOf(given));
      if (preview.levels.length === 0) await take(given, {});
      else pending.value = { given, preview };
    } catch (error) {
      toasts.fail(error);
    }
  }

  let asked = 0;
  /** Reads the folders of the pending import by another rule. */
  async function readBy(folderRule: string) {
    const held = pending.value;
    if (held === null) return;
    const question = ++asked;
    try {
      const preview = await workbench.imports.preview({ ...namesOf(held.given), folderRule });
      if (question === asked && pending.value !== null) pending.value = { given: held.given, preview };
    } catch (error) {
      toasts.fail(error);
    }
  }

  async function confirm(options: ImportOptions) {
    const held = pending.value;
    pending.value = null;
    if (held !== null) await take(held.given, { folderRule: held.preview.folderRule, ...options });
  }

  async function take({ paths, files }: GivenImport, options: ImportOptions) {
    if (paths.length > 0) await startPaths([...paths], options);
    else await startFiles(files, options);
  }

  const offerPaths = (paths: string[]) => offer({ paths, files: [] });

  /** Takes in what was opened with the app; a single photograph is shown when it is there. */
  async function openPaths(paths: string[]) {
    const [path] = paths;
    if (path === undefined || paths.length > 1) return offerPaths(paths);
    try {
      const { levels } = await workbench.imports.preview({ paths, files: [] });
      if (levels.length === 0) await startPaths(paths, {}, { opens: true });
      else await offerPaths(paths);
    } catch (error) {
      toasts.fail(error);
    }
  }

  async function startDrop(transfer: DataTransfer) {
    const paths = pathsOfDrop(transfer);
    await offer({ paths, files: paths.length > 0 ? [] : await filesOfDrop(transfer) });
  }

  async function chooseFiles() {
    if (desktop !== null) await offerPaths((await desktop.openFiles({ purpose: 'images' })).paths);
    else chooseInBrowser(false);
  }

  async function chooseFolder() {
    if (desktop !== null) await offerPaths((await desktop.openFolder()).paths);
    else chooseInBrowser(true);
  }

  function chooseInBrowser(folder: boolean) {
    const input = document.createElement('input');
    input.type = 'file';
    input.multiple = true;
    input.webkitdirectory = folder;
    input.addEventListener('change', () => {
      const files = [...(input.files ?? [])].map((file) => ({
        file,
        path: file.webkitRelativePath || file.name,
      }));
      void offer({ paths: [], files });
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
    pending,
    offerPaths,
    openPaths,
    opened,
    readBy,
    confirm,
    cancelUpload,
    startDrop,
    chooseFiles,
    chooseFolder,
    openReport,
  };
});
