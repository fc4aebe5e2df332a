import { BrowserWindow } from 'electron';
import type { Session, WebContents, WebPreferences } from 'electron';
import { appUrl } from './content-protocol.ts';
import { smallestWindow } from './window-state.ts';
import type { WindowPlacement } from './window-state.ts';

/** The page is treated like any page of the web, except that its one preload script may ask for a line to us. */
export const safePreferences = {
  contextIsolation: true,
  sandbox: true,
  webSecurity: true,
  nodeIntegration: false,
  nodeIntegrationInWorker: false,
  nodeIntegrationInSubFrames: false,
  webviewTag: false,
  allowRunningInsecureContent: false,
  experimentalFeatures: false,
  navigateOnDragDrop: false,
  safeDialogs: true,
  spellcheck: false,
} as const satisfies WebPreferences;

export interface WindowOptions {
  readonly preload: string;
  readonly session: Session;
  readonly placement: WindowPlacement;
}

/** Opens the window; it is shown when its first picture is ready, so that it never flashes white. */
export function openWindow({ preload, session, placement }: WindowOptions): BrowserWindow {
  const window = new BrowserWindow({
    ...placement.bounds,
    minWidth: smallestWindow.width,
    minHeight: smallestWindow.height,
    show: false,
    backgroundColor: '#10151b',
    title: 'Fundus Lens',
    webPreferences: { ...safePreferences, preload, session },
  });
  if (placement.maximized) window.maximize();
  window.once('ready-to-show', () => window.show());
  // Titles are shown by the system to everybody who looks on; patients have no place in them.
  window.on('page-title-updated', (event) => event.preventDefault());
  void window.loadURL(appUrl);
  return window;
}

/** Holds for every page there ever is, also for one that somebody manages to open. */
export function confinePage(contents: WebContents): void {
  contents.setWindowOpenHandler(() => ({ action: 'deny' }));
  const stay = (event: { readonly url: string; preventDefault(): void }) => {
    if (event.url.split('#', 1)[0] !== appUrl) event.preventDefault();
  };
  contents.on('will-navigate', stay);
  contents.on('will-redirect', stay);
  contents.on('will-frame-navigate', stay);
  contents.on('will-attach-webview', (event) => event.preventDefault());
}

/** Figures and texts are copied at a click; nothing is ever read from the clipboard. */
const given: ReadonlySet<string> = new Set(['clipboard-sanitized-write']);

/** Neither camera nor place nor anything else but {@link given}. */
export function confinePermissions(session: Session): void {
  session.setPermissionRequestHandler((_contents, permission, decide) => decide(given.has(permission)));
  session.setPermissionCheckHandler((_contents, permission) => given.has(permission));
  session.setDevicePermissionHandler(() => false);
  session.on('will-download', (event, item) => {
    // Exports made by the page itself are saved by the person; anything else is no download of ours.
    if (!/^(blob|data):/.test(item.getURL())) event.preventDefault();
  });
}
