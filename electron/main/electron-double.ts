import { EventEmitter } from 'node:events';
import { tmpdir } from 'node:os';
import type { MessagePort as NodePort } from 'node:worker_threads';

/**
 * A double of the `electron` module for tests: it records what the app asks of it, and lets a test play the system, the
 * page and the person. Only what our own files import is here, so that an import of more fails at once.
 */

/** What was asked, in order, by name. */
export const asked: { readonly what: string; readonly args: readonly unknown[] }[] = [];
const record =
  <T>(what: string, answer?: T) =>
  (...args: unknown[]): T => {
    asked.push({ what, args });
    return answer as T;
  };

/** Answers of the dialogs, set by a test. */
export const answers = { open: [] as string[], save: '', button: 0 };

class SessionDouble extends EventEmitter {
  handler: ((request: Request) => Promise<Response>) | null = null;
  permission: ((contents: unknown, permission: string, decide: (granted: boolean) => void) => void) | null =
    null;
  check: ((contents: unknown, permission: string) => boolean) | null = null;
  device: (() => boolean) | null = null;
  before: ((details: { url: string }, decide: (answer: { cancel: boolean }) => void) => void) | null = null;
  readonly protocol = {
    handle: (_scheme: string, handler: SessionDouble['handler']) => (this.handler = handler),
  };
  readonly webRequest = { onBeforeRequest: (listener: SessionDouble['before']) => (this.before = listener) };
  setPermissionRequestHandler(handler: SessionDouble['permission']) {
    this.permission = handler;
  }
  setPermissionCheckHandler(handler: SessionDouble['check']) {
    this.check = handler;
  }
  setDevicePermissionHandler(handler: SessionDouble['device']) {
    this.device = handler;
  }
}

export class WebContentsDouble extends EventEmitter {
  readonly mainFrame = { origin: 'app://fundus-lens' };
  openHandler: ((details: { url: string }) => { action: string }) | null = null;
  readonly startDrag = record('startDrag');
  readonly forcefullyCrashRenderer = () => {
    record('forcefullyCrashRenderer')();
    this.emit('render-process-gone', {}, { reason: 'killed', exitCode: 9 });
  };
  setWindowOpenHandler(handler: WebContentsDouble['openHandler']) {
    this.openHandler = handler;
  }
}

export class BrowserWindow extends EventEmitter {
  static readonly all: BrowserWindow[] = [];
  static getAllWindows = () => BrowserWindow.all;
  static fromWebContents = (contents: unknown) =>
    BrowserWindow.all.find(({ webContents }) => webContents === contents) ?? null;
  readonly webContents = new WebContentsDouble();
  readonly options: { readonly webPreferences: Readonly<Record<string, unknown>> };
  url = '';
  readonly reload = record('reload');
  readonly focus = record('focus');
  readonly restore = record('restore');
  readonly maximize = record('maximize');
  readonly show = record('show');
  constructor(options: BrowserWindow['options']) {
    super();
    this.options = options;
    BrowserWindow.all.push(this);
    app.emit('web-contents-created', {}, this.webContents);
  }
  loadURL(url: string) {
    this.url = url;
    return Promise.resolve();
  }
  isMinimized = () => true;
  isMaximized = () => false;
  getNormalBounds = () => ({ x: 10, y: 20, width: 1300, height: 800 });
}

class AppDouble extends EventEmitter {
  isPackaged = false;
  hasLock = true;
  readonly commandLine = { getSwitchValue: () => '' };
  readonly enableSandbox = record('enableSandbox');
  readonly quit = record('quit');
  readonly exit = record('exit');
  readonly getFileIcon = record('getFileIcon', Promise.resolve({}));
  readonly requestSingleInstanceLock = () => this.hasLock;
  readonly whenReady = () => Promise.resolve();
  readonly getLocale = () => 'en-GB';
  userData = tmpdir();
  readonly getPath = () => this.userData;
}

export const app = new AppDouble();
export const ipcMain = new EventEmitter();
export const session = { defaultSession: new SessionDouble() };
export const protocol = { registerSchemesAsPrivileged: record('registerSchemesAsPrivileged') };
export const Menu = {
  setApplicationMenu: record('setApplicationMenu'),
  buildFromTemplate: (template: unknown) => template,
};
export const dialog = {
  showOpenDialog: (...args: unknown[]) => {
    asked.push({ what: 'showOpenDialog', args });
    return Promise.resolve({ canceled: answers.open.length === 0, filePaths: answers.open });
  },
  showSaveDialog: () => Promise.resolve({ canceled: answers.save === '', filePath: answers.save }),
  showErrorBox: record('showErrorBox'),
  showMessageBox: (...args: unknown[]) => {
    asked.push({ what: 'showMessageBox', args });
    return Promise.resolve({ response: answers.button });
  },
};
export const shell = { openPath: record('openPath', Promise.resolve('')) };
export const screen = { getDisplayMatching: () => ({ workArea: { x: 0, y: 0, width: 1920, height: 1080 } }) };
export const nativeTheme = { themeSource: 'system' };
export const nativeImage = { createFromPath: () => ({ isEmpty: () => true, resize: () => ({}) }) };
export const webUtils = { getPathForFile: (file: File) => `/dropped/${file.name}` };
export const exposed = new Map<string, unknown>();
export const contextBridge = {
  exposeInMainWorld: (name: string, value: unknown) => exposed.set(name, value),
};

/** Who a message comes from, as a test wants it. */
export const sender = { contents: new WebContentsDouble(), frame: null as { origin: string } | null };
export const ipcRenderer = {
  postMessage: (channel: string, message: unknown, ports: NodePort[]) => {
    const { contents, frame } = sender;
    ipcMain.emit(
      channel,
      { sender: contents, senderFrame: frame, ports: ports.map((port) => new PortDouble(port)) },
      message,
    );
  },
};

/** A port as the main process has it: Node's emitter, started by hand. */
class PortDouble extends EventEmitter {
  readonly #port: NodePort;
  constructor(port: NodePort) {
    super();
    this.#port = port;
  }
  start() {
    this.#port.on('message', (data: unknown) => this.emit('message', { data }));
    this.#port.on('close', () => this.emit('close'));
  }
  postMessage(data: unknown) {
    this.#port.postMessage(data);
  }
  close() {
    this.#port.close();
  }
}

/** An engine's process that answers nothing until a test does. */
export class UtilityProcessDouble extends EventEmitter {
  static readonly all: UtilityProcessDouble[] = [];
  readonly pid = 4711;
  readonly stderr = new EventEmitter();
  readonly sent: unknown[] = [];
  postMessage(message: { type: string }) {
    this.sent.push(message);
    if (message.type === 'shutdown') queueMicrotask(() => this.emit('exit', 0));
  }
  kill() {
    this.emit('exit', 1);
  }
}
export const utilityProcess = {
  fork: (...args: unknown[]) => {
    asked.push({ what: 'fork', args });
    const child = new UtilityProcessDouble();
    UtilityProcessDouble.all.push(child);
    return child;
  },
};
