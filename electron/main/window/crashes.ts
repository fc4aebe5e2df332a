import { app, dialog, shell } from 'electron';
import type { BrowserWindow } from 'electron';
import type { Log } from '../../shell/log.ts';
import type { MenuLabels } from './menu-labels.ts';

/** Reloads of one window before a crash is no longer offered to be repaired by another. */
const mostReloads = 3;

/** A page that dies is said so in a box of the system, with what can be done; the workbench goes on meanwhile. */
export function offerReload(window: BrowserWindow, labels: () => MenuLabels, log: Log): void {
  let reloads = 0;
  let ended = false;
  const askAboutSilence = async () => {
    const text = labels();
    const buttons = [text.wait, text.reload];
    const details = { message: text.pageSilent, detail: text.pageSilentDetail, buttons };
    const { response } = await dialog.showMessageBox(window, { type: 'warning', ...details, cancelId: 0 });
    if (buttons[response] !== text.reload) return;
    // A page that hangs does not hear that it should load again.
    ended = true;
    window.webContents.forcefullyCrashRenderer();
    window.reload();
  };
  let asking: Promise<void> | null = null;
  window.on('unresponsive', () => {
    log.info('page-silent');
    asking ??= askAboutSilence().finally(() => (asking = null));
  });
  window.webContents.on('render-process-gone', (_event, { reason, exitCode }) => {
    if (reason === 'clean-exit') return;
    if (ended) {
      ended = false;
      return;
    }
    log.info('page-gone', { exitCode });
    const text = labels();
    const buttons =
      reloads < mostReloads ? [text.reload, text.logFolder, text.quit] : [text.logFolder, text.quit];
    void dialog
      .showMessageBox(window, {
        type: 'error',
        message: text.pageCrashed,
        detail: text.pageCrashedDetail,
        buttons,
        defaultId: 0,
        cancelId: buttons.length - 1,
      })
      .then(({ response }) => {
        const chosen = buttons[response];
        if (chosen === text.reload) {
          reloads += 1;
          window.reload();
          return;
        }
        if (chosen === text.logFolder) void shell.openPath(log.folder);
        app.quit();
      });
  });
}

/** Notes what else of the program dies: the process for graphics comes back by itself, an engine with the next task. */
export function noteChildrenGone(log: Log): void {
  app.on('child-process-gone', (_event, { type, reason, exitCode }) => {
    if (reason !== 'clean-exit') log.info(`child-gone-${type.toLowerCase()}`, { exitCode });
  });
}
