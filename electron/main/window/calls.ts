import { ipcMain } from 'electron';
import type { MessagePortMain, WebContents } from 'electron';
import { RPCHandler } from '@orpc/server/message-port';
import type { AnyRouter } from '@orpc/server';
import { portMessage } from '../../contract/app/desktop-bridge.ts';
import { createCallOptions } from '../../shell/call-options.ts';
import type { Log } from '../../shell/log.ts';
import { appOrigin } from './content-protocol.ts';

export interface CallTargets {
  /** What only this process can do. */
  readonly desktop: AnyRouter;
  /** Hands a page's line to the workbench. */
  readonly connectWorkbench: (port: MessagePortMain) => void;
}

/**
 * Opens two lines for each page that asks: to the workbench and to the desktop, the only channel of the main process. A page
 * is heard only when it is the window's own top frame and comes from our origin; calls then pass the contract's schemas one by one.
 *
 * @param isOurs whether a page belongs to a window that we opened
 */
export function answerCalls(
  { desktop, connectWorkbench }: CallTargets,
  isOurs: (contents: WebContents) => boolean,
  log: Log,
): void {
  const handler = new RPCHandler({ desktop }, createCallOptions(log));
  ipcMain.on(portMessage, (event) => {
    const { sender, senderFrame, ports } = event;
    const [workbenchPort, desktopPort] = ports;
    const isTopFrame = senderFrame !== null && senderFrame === sender.mainFrame;
    if (!isTopFrame || senderFrame.origin !== appOrigin || !isOurs(sender) || ports.length !== 2) {
      log.info('line-refused');
      for (const refused of ports) refused.close();
      return;
    }
    connectWorkbench(workbenchPort!);
    handler.upgrade(desktopPort!, { context: { contents: sender } });
    desktopPort!.start();
  });
}
