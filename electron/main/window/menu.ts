import { basename } from 'node:path';
import { Menu } from 'electron';
import type { MenuItemConstructorOptions } from 'electron';
import type { MenuCommand } from '../../contract/app/desktop.ts';
import type { MenuLabels } from './menu-labels.ts';

export interface MenuActions {
  /** Hands a command to the page. */
  readonly send: (command: MenuCommand) => void;
  readonly openLogFolder: () => void;
  /** What was opened last, newest first. */
  readonly recent: readonly string[];
  readonly openRecent: (path: string) => void;
  readonly clearRecent: () => void;
}

/** Puts the app's menu in place, in the language of the labels. */
export function setMenu(labels: MenuLabels, actions: MenuActions): void {
  Menu.setApplicationMenu(Menu.buildFromTemplate(composeMenu(labels, actions)));
}

export function composeMenu(
  labels: MenuLabels,
  { send, openLogFolder, recent, openRecent, clearRecent }: MenuActions,
): MenuItemConstructorOptions[] {
  const separator = { type: 'separator' } as const;
  const item = (label: string, command: MenuCommand, accelerator?: string): MenuItemConstructorOptions => ({
    label,
    click: () => send(command),
    ...(accelerator === undefined ? {} : { accelerator }),
  });
  return [
    {
      label: labels.file,
      submenu: [
        item(labels.importFiles, 'import-files', 'CommandOrControl+O'),
        item(labels.importFolder, 'import-folder', 'CommandOrControl+Shift+O'),
        {
          label: labels.recent,
          enabled: recent.length > 0,
          submenu: [
            // `&` marks the key of an entry.
            ...recent.map((path) => ({
              label: basename(path).replaceAll('&', '&&'),
              click: () => openRecent(path),
            })),
            separator,
            { label: labels.clearRecent, click: clearRecent },
          ],
        },
        separator,
        item(labels.exportFigure, 'export-figure', 'CommandOrControl+E'),
        separator,
        { role: 'close', label: labels.close },
        { role: 'quit', label: labels.quit },
      ],
    },
    {
      label: labels.edit,
      submenu: [
        item(labels.undoChange, 'undo', 'CommandOrControl+Alt+Z'),
        separator,
        { role: 'cut', label: labels.cut },
        { role: 'copy', label: labels.copy },
        { role: 'paste', label: labels.paste },
        { role: 'selectAll', label: labels.selectAll },
      ],
    },
    {
      label: labels.view,
      submenu: [
        item(labels.library, 'show-library', 'CommandOrControl+1'),
        item(labels.trace, 'show-trace', 'CommandOrControl+2'),
        item(labels.compare, 'show-compare', 'CommandOrControl+3'),
        item(labels.tasks, 'show-tasks', 'CommandOrControl+4'),
        item(labels.models, 'show-models', 'CommandOrControl+5'),
        item(labels.settings, 'show-settings', 'CommandOrControl+,'),
        separator,
        { role: 'zoomIn', label: labels.zoomIn },
        { role: 'zoomOut', label: labels.zoomOut },
        { role: 'resetZoom', label: labels.zoomReset },
        { role: 'togglefullscreen', label: labels.fullScreen },
        separator,
        { role: 'reload', label: labels.reload },
      ],
    },
    {
      label: labels.help,
      role: 'help',
      submenu: [item(labels.shortcuts, 'show-help', 'F1'), { label: labels.logFolder, click: openLogFolder }],
    },
  ];
}
