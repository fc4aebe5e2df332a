/**
 * `window.fundusLens`, put there by the preload script. `connect` asks for a line to the main process; its port comes
 * as a window message whose `data` is {@link portMessage}:
 *
 * ```ts
 * window.addEventListener('message', ({ source, data, ports: [port] }) => {
 *   if (source === window && data === portMessage) link = new RPCLink({ port });   // @orpc/client/message-port
 * });
 * window.fundusLens.connect();   // then port.start()
 * ```
 */
export interface DesktopBridge {
  connect(): void;
  /** Where a dropped file lies; empty for one that was made in memory. */
  pathOfFile(file: File): string;
}

export const portMessage = 'fundus-lens:port';
