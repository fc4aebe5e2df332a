import { contextBridge, ipcRenderer, webUtils } from 'electron';
import { portMessage } from '../contract/app/desktop-bridge.ts';
import type { DesktopBridge } from '../contract/app/desktop-bridge.ts';

/** All that the page gets of the desktop: a line to the workbench, one to the main process, and where a dropped file lies. */
const bridge: DesktopBridge = {
  connect: () => {
    const [workbench, desktop] = [new MessageChannel(), new MessageChannel()];
    ipcRenderer.postMessage(portMessage, null, [workbench.port1, desktop.port1]);
    window.postMessage(portMessage, location.origin, [workbench.port2, desktop.port2]);
  },
  pathOfFile: (file) => webUtils.getPathForFile(file),
};

contextBridge.exposeInMainWorld('fundusLens', bridge);
