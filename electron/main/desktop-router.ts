import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { implement } from '@orpc/server';
import { BrowserWindow, app, dialog, nativeImage, nativeTheme, shell } from 'electron';
import type { FileFilter, OpenDialogOptions, WebContents } from 'electron';
import { desktopContract } from '../contract/app/desktop.ts';
import type { openPurposes } from '../contract/app/desktop.ts';
import type { DesktopEvents } from './desktop-events.ts';
import type { MenuLabels, MenuLanguage } from './window/menu-labels.ts';
import { associatedExtensions } from './window/opened-files.ts';

export interface DesktopOptions {
  readonly events: DesktopEvents;
  readonly logFolder: string;
  /** Where figures lie while they are dragged; emptied at the start. */
  readonly dragFolder: string;
  readonly labels: () => MenuLabels;
  readonly setLanguage: (language: MenuLanguage) => void;
  /** Hears of the photographs that a person has chosen. */
  readonly noteOpened: (paths: readonly string[]) => void;
}

/** Answers the calls that need the operating system's own dialogs and windows. */
export function createDesktopRouter(options: DesktopOptions) {
  const { events, logFolder, dragFolder, labels, setLanguage, noteOpened } = options;
  const os = implement(desktopContract).$context<{ readonly contents: WebContents }>();

  const ask = async (
    contents: WebContents,
    dialogOptions: OpenDialogOptions,
  ): Promise<{ paths: string[] }> => {
    const window = BrowserWindow.fromWebContents(contents);
    const { filePaths } =
      window === null
        ? await dialog.showOpenDialog(dialogOptions)
        : await dialog.showOpenDialog(window, dialogOptions);
    return { paths: filePaths };
  };

  return {
    openFiles: os.openFiles.handler(async ({ input, context }) => {
      const chosen = await ask(context.contents, {
        properties: input.many ? ['openFile', 'multiSelections'] : ['openFile'],
        filters: filtersOf(input.purpose, labels()),
      });
      if (input.purpose === 'images' && chosen.paths.length > 0) noteOpened(chosen.paths);
      return chosen;
    }),
    openFolder: os.openFolder.handler(({ context }) =>
      ask(context.contents, { properties: ['openDirectory', 'createDirectory'] }),
    ),
    saveFile: os.saveFile.handler(async ({ input, context }) => {
      const window = BrowserWindow.fromWebContents(context.contents);
      const dialogOptions = { defaultPath: join(app.getPath('documents'), input.name) };
      const { filePath, canceled } =
        window === null
          ? await dialog.showSaveDialog(dialogOptions)
          : await dialog.showSaveDialog(window, dialogOptions);
      if (canceled || filePath === '') return { paths: [] };
      await writeFile(filePath, Buffer.from(await input.file.arrayBuffer()));
      return { paths: [filePath] };
    }),
    dragOut: os.dragOut.handler(async ({ input, context }) => {
      await mkdir(dragFolder, { recursive: true });
      const file = join(dragFolder, input.name);
      await writeFile(file, Buffer.from(await input.file.arrayBuffer()));
      const picture = nativeImage.createFromPath(file);
      const icon = picture.isEmpty() ? await app.getFileIcon(file) : picture.resize({ width: 128 });
      context.contents.startDrag({ file, icon });
      return {};
    }),
    openLogFolder: os.openLogFolder.handler(async () => {
      await shell.openPath(logFolder);
      return {};
    }),
    setAppearance: os.setAppearance.handler(({ input }) => {
      nativeTheme.themeSource = input.theme;
      setLanguage(input.language);
      return {};
    }),
    events: os.events.handler(({ signal }) => events.subscribe(signal)),
  };
}

function filtersOf(purpose: (typeof openPurposes)[number], labels: MenuLabels): FileFilter[] {
  const all = { name: labels.allFiles, extensions: ['*'] };
  switch (purpose) {
    case 'images':
      // DICOM files often have no ending, so all files come first where the filter would hide them.
      return [all, { name: labels.images, extensions: [...associatedExtensions] }];
    case 'table':
      return [{ name: labels.table, extensions: ['csv', 'tsv'] }, all];
    case 'concept-set':
      return [{ name: labels.conceptSet, extensions: ['json'] }, all];
    case 'package':
      return [{ name: labels.package, extensions: ['nupkg'] }, all];
  }
}
