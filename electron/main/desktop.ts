import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { BrowserWindow, app, dialog, session, shell } from 'electron';
import type { WebContents } from 'electron';
import { findAppFolders } from '../shell/app-folders.ts';
import { createContentHandler } from '../shell/content.ts';
import { openLog } from '../shell/log.ts';
import type { Log } from '../shell/log.ts';
import { listRendererFiles } from '../shell/renderer-files.ts';
import { createWorkbench } from '../workbench/open-workbench.ts';
import type { Workbench, WorkbenchOptions } from '../workbench/open-workbench.ts';
import { answerCalls } from './calls.ts';
import { declareAppScheme, serveAppScheme } from './content-protocol.ts';
import { noteChildrenGone, offerReload } from './crashes.ts';
import { DesktopEvents } from './desktop-events.ts';
import { createDesktopRouter } from './desktop-router.ts';
import { setMenu } from './menu.ts';
import { menuLabels, menuLanguage } from './menu-labels.ts';
import type { MenuLanguage } from './menu-labels.ts';
import { filesOfCommandLine, isImportable } from './opened-files.ts';
import { confinePage, denyPermissions, openWindow } from './secure-window.ts';
import { forkUtilityEngine } from './utility-engine.ts';
import { readWindowState, rememberWindowState } from './window-state.ts';

export interface DesktopOptions {
  /** Built files lie beside each other in it: main, preload, renderer, node. */
  readonly builtFolder: string;
  readonly workbench?: Partial<WorkbenchOptions>;
}

/**
 * The desktop from its start to its end: one instance, one window, the workbench in this process and the engine in its
 * own. A second start hands its files to the first.
 */
export function runDesktop({ builtFolder, workbench: workbenchOptions }: DesktopOptions): void {
  const folders = findAppFolders(app.commandLine.getSwitchValue('library') || undefined);
  const log = openLog(folders.logs);
  const events = new DesktopEvents();
  const openFiles = (paths: string[]) => {
    if (paths.length > 0) events.publish({ type: 'open-files', paths });
  };
  process.on('uncaughtException', (error) => log.error('uncaught', error));
  process.on('unhandledRejection', (error) => log.error('unhandled', error));

  declareAppScheme();
  app.enableSandbox();
  app.on('web-contents-created', (_event, contents) => confinePage(contents));
  if (!app.requestSingleInstanceLock()) {
    app.quit();
    return;
  }
  app.on('second-instance', (_event, args, workingFolder) => {
    const [window] = BrowserWindow.getAllWindows();
    if (window?.isMinimized() === true) window.restore();
    window?.focus();
    openFiles(filesOfCommandLine(args.slice(1), workingFolder));
  });
  app.on('open-file', (event, path) => {
    event.preventDefault();
    openFiles([path].filter(isImportable));
  });
  openFiles(filesOfCommandLine(process.argv.slice(app.isPackaged ? 1 : 2), process.cwd()));

  void app.whenReady().then(async () => {
    try {
      const workbench = await createWorkbench({
        libraryFolder: folders.library,
        cacheFolder: folders.cache,
        modelsFolder: folders.models,
        settingsFile: folders.settingsFile,
        logFolder: folders.logs,
        engine: {
          workerPath: join(unpackedFolder(builtFolder), 'node', 'worker.js'),
          fork: forkUtilityEngine,
        },
        log,
        ...workbenchOptions,
      });
      await showDesktop(workbench, { builtFolder, events, log });
    } catch (error) {
      log.error('start-failed', error);
      const { startFailed } = menuLabels(menuLanguage(null, app.getLocale()));
      dialog.showErrorBox(startFailed, error instanceof Error ? error.message : String(error));
      app.exit(1);
    }
  });
}

/** Processes of their own are started from plain files; a packaged desktop keeps those beside its archive. */
function unpackedFolder(folder: string): string {
  return folder.replace(/([\\/])app\.asar(?=[\\/]|$)/, '$1app.asar.unpacked');
}

interface DesktopParts {
  readonly builtFolder: string;
  readonly events: DesktopEvents;
  readonly log: Log;
}

async function showDesktop(workbench: Workbench, { builtFolder, events, log }: DesktopParts): Promise<void> {
  let language = menuLanguage(null, app.getLocale());
  const labels = () => menuLabels(language);
  const showMenu = (chosen: MenuLanguage) => {
    language = chosen;
    setMenu(labels(), {
      send: (command) => events.publish({ type: 'menu', command }),
      openLogFolder: () => void shell.openPath(log.folder),
    });
  };
  const settings = await workbench.client.settings.get();
  showMenu(menuLanguage(settings.language, app.getLocale()));

  const dragFolder = join(app.getPath('temp'), `fundus-lens-drag-${process.pid}`);
  const desktop = createDesktopRouter({
    events,
    logFolder: log.folder,
    dragFolder,
    labels,
    setLanguage: showMenu,
  });
  const pages = session.defaultSession;
  const files = await listRendererFiles(join(builtFolder, 'renderer'));
  serveAppScheme(
    pages,
    createContentHandler(files, (id, view) => workbench.openMedia(id, view)),
    log,
  );
  denyPermissions(pages);
  const isOurs = (contents: WebContents) => BrowserWindow.fromWebContents(contents) !== null;
  answerCalls({ ...workbench.router, desktop }, isOurs, log);

  const stateFile = join(app.getPath('userData'), 'window.json');
  const show = () => {
    const window = openWindow({
      preload: join(builtFolder, 'preload', 'preload.cjs'),
      session: pages,
      placement: readWindowState(stateFile),
    });
    rememberWindowState(window, stateFile);
    offerReload(window, labels, log);
  };
  show();
  noteChildrenGone(log);
  log.info('started');

  app.on('activate', () => {
    if (BrowserWindow.getAllWindows().length === 0) show();
  });
  app.on('window-all-closed', () => {
    if (process.platform !== 'darwin') app.quit();
  });
  let closed = false;
  app.on('will-quit', (event) => {
    if (closed) return;
    event.preventDefault();
    void workbench.close().finally(() => {
      closed = true;
      rmSync(dragFolder, { recursive: true, force: true });
      log.info('closed');
      app.quit();
    });
  });
}
