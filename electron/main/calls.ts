import { ipcMain } from 'electron';
import type { WebContents } from 'electron';
import { RPCHandler } from '@orpc/server/message-port';
import type { AnyRouter } from '@orpc/server';
import { portMessage } from '../contract/desktop-bridge.ts';
import { createCallOptions } from '../shell/call-options.ts';
import type { Log } from '../shell/log.ts';
import { appOrigin } from './content-protocol.ts';

/**
 * Opens a line for each page that asks for one: the only channel of the main process. A page is heard only when it is
 * the window's own top frame and comes from our origin; calls then pass the contract's schemas one by one.
 *
 * @param isOurs whether a page belongs to a window that we opened
 */
export function answerCalls(router: AnyRouter, isOurs: (contents: WebContents) => boolean, log: Log): void {
  const handler = new RPCHandler(router, createCallOptions(log));
  ipcMain.on(portMessage, (event) => {
    const { sender, senderFrame, ports } = event;
    const [port] = ports;
    const isTopFrame = senderFrame !== null && senderFrame === sender.mainFrame;
    if (!isTopFrame || senderFrame.origin !== appOrigin || !isOurs(sender) || ports.length !== 1) {
      log.info('line-refused');
      for (const refused of ports) refused.close();
      return;
    }
    handler.upgrade(port!, { context: { contents: sender } });
    port!.start();
  });
}
