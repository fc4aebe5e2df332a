import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { BrowserWindow, app, dialog, session, shell } from 'electron';
import type { WebContents } from 'electron';
import { findAppFolders } from '../shell/app-folders.ts';
import { createContentHandler } from '../shell/content.ts';
import { openLog } from '../shell/log.ts';
import type { Log } from '../shell/log.ts';
import { listRendererFiles } from '../shell/renderer-files.ts';
import { answerCalls } from './window/calls.ts';
import { declareAppScheme, serveAppScheme } from './window/content-protocol.ts';
import { noteChildrenGone, offerReload } from './window/crashes.ts';
import { DesktopEvents } from './desktop-events.ts';
import { createDesktopRouter } from './desktop-router.ts';
import { setMenu } from './window/menu.ts';
import { menuLabels, menuLanguage } from './window/menu-labels.ts';
import type { MenuLabels, MenuLanguage } from './window/menu-labels.ts';
import { filesOfCommandLine, isImportable } from './window/opened-files.ts';
import { confinePage, confinePermissions, openWindow } from './window/secure-window.ts';
import { RecentFiles } from './window/recent-files.ts';
import { readWindowState, rememberWindowState } from './window/window-state.ts';
import { WorkbenchHost } from './processes/workbench-host.ts';
import type { WorkbenchHostOptions } from './processes/workbench-host.ts';
import type { WorkbenchOrder } from './processes/workbench-messages.ts';

export interface DesktopOptions {
  /** Built files lie beside each other in it: main, preload, renderer, node. */
  readonly builtFolder: string;
  /** A plain Node to run the workbench in; null for the desktop's own runtime. */
  readonly node: string | null;
  /** The workbench's script, where it is not the built one. */
  readonly workbenchScript?: string;
  readonly order?: Partial<WorkbenchOrder>;
}

/**
 * The desktop from its start to its end: one instance, one window, the workbench and the engine in processes of their
 * own. A second start hands its files to the first.
 */
export function runDesktop(options: DesktopOptions): void {
  const folders = findAppFolders(app.commandLine.getSwitchValue('library') || undefined);
  const log = openLog(folders.logs);
  const events = new DesktopEvents();
  const recent = new RecentFiles(join(app.getPath('userData'), 'recent.json'));
  const openFiles = (paths: string[]) => {
    if (paths.length === 0) return;
    events.publish({ type: 'open-files', paths });
    recent.add(paths);
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
      const { builtFolder, node } = options;
      const script =
        options.workbenchScript ?? join(unpackedFolder(builtFolder), 'node', 'workbench-process.js');
      const order: WorkbenchOrder = {
        libraryFolder: folders.library,
        cacheFolder: folders.cache,
        modelsFolder: folders.models,
        librariesFolder: folders.libraries,
        settingsFile: folders.settingsFile,
        logFolder: folders.logs,
        ...options.order,
      };
      await showDesktop({ script, node, order }, { builtFolder, events, log, recent, openFiles });
    } catch (error) {
      endWith(error, menuLabels(menuLanguage(null, app.getLocale())), log);
    }
  });
}

/** Nothing works without a library: says why, and ends. */
function endWith(error: unknown, { startFailed }: MenuLabels, log: Log): void {
  log.error('start-failed', error);
  dialog.showErrorBox(startFailed, error instanceof Error ? error.message : String(error));
  app.exit(1);
}

/** Processes of their own are started from plain files; a packaged desktop keeps those beside its archive. */
function unpackedFolder(folder: string): string {
  return folder.replace(/([\\/])app\.asar(?=[\\/]|$)/, '$1app.asar.unpacked');
}

interface DesktopParts {
  readonly builtFolder: string;
  readonly events: DesktopEvents;
  readonly log: Log;
  readonly recent: RecentFiles;
  readonly openFiles: (paths: string[]) => void;
}

/** Times that a workbench whose process ended is opened anew, in one run of the desktop. */
const mostRestarts = 3;

async function showDesktop(
  workbench: Omit<WorkbenchHostOptions, 'onGone'>,
  { builtFolder, events, log, recent, openFiles }: DesktopParts,
): Promise<void> {
  let language = menuLanguage(null, app.getLocale());
  const labels = () => menuLabels(language);
  const showMenu = (chosen: MenuLanguage) => {
    language = chosen;
    setMenu(labels(), {
      send: (command) => events.publish({ type: 'menu', command }),
      openLogFolder: () => void shell.openPath(log.folder),
      recent: recent.list(),
      openRecent: (path) => openFiles([path].filter(isImportable)),
      clearRecent: () => recent.clear(),
    });
  };
  recent.onChange = () => showMenu(language);
  let restarts = 0;
  const onGone = (how: string) => {
    log.error('workbench-gone', new Error(how));
    restarts += 1;
    const reopened =
      restarts > mostRestarts ? Promise.reject(new Error(how)) : WorkbenchHost.open({ ...workbench, onGone });
    reopened.then(
      (opened) => {
        host = opened.host;
        for (const window of BrowserWindow.getAllWindows()) window.reload();
      },
      (error: unknown) => endWith(error, labels(), log),
    );
  };
  const opened = await WorkbenchHost.open({ ...workbench, onGone });
  let { host } = opened;
  showMenu(menuLanguage(opened.language, app.getLocale()));

  const dragFolder = join(app.getPath('temp'), `fundus-lens-drag-${process.pid}`);
  const desktop = createDesktopRouter({
    events,
    logFolder: log.folder,
    dragFolder,
    labels,
    setLanguage: showMenu,
    noteOpened: (paths) => recent.add(paths),
  });
  const pages = session.defaultSession;
  const files = await listRendererFiles(join(builtFolder, 'renderer'));
  serveAppScheme(
    pages,
    createContentHandler(files, (id, view) => host.openMedia(id, view)),
    log,
  );
  confinePermissions(pages);
  const isOurs = (contents: WebContents) => BrowserWindow.fromWebContents(contents) !== null;
  answerCalls({ desktop, connectWorkbench: (port) => host.connect(port) }, isOurs, log);

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
    void host.close().finally(() => {
      closed = true;
      rmSync(dragFolder, { recursive: true, force: true });
      log.info('closed');
      app.quit();
    });
  });
}
