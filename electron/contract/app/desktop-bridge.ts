/**
 * `window.fundusLens`, put there by the preload script. `connect` asks for two lines, to the workbench and to the desktop; their
 * ports come as a window message whose `data` is {@link portMessage}:
 *
 * ```ts
 * window.addEventListener('message', ({ source, data, ports: [workbench, desktop] }) => {
 *   if (source === window && data === portMessage) link = new RPCLink({ port: workbench });   // @orpc/client/message-port
 * });
 * window.fundusLens.connect();   // then start() of both ports
 * ```
 */
export interface DesktopBridge {
  connect(): void;
  /** Where a dropped file lies; empty for one that was made in memory. */
  pathOfFile(file: File): string;
}

export const portMessage = 'fundus-lens:port';
