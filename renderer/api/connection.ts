import { createORPCClient } from '@orpc/client';
import type { ClientContext, ClientLink } from '@orpc/client';
import { RPCLink as PortLink } from '@orpc/client/message-port';
import { RPCLink as SocketLink } from '@orpc/client/websocket';
import type { ContractRouterClient } from '@orpc/contract';
import { shallowRef } from 'vue';
import type { contract } from '../../electron/contract/index.ts';
import { portMessage } from '../../electron/contract/app/desktop.ts';
import type { DesktopBridge, desktopContract } from '../../electron/contract/app/desktop.ts';

declare global {
  interface Window {
    readonly fundusLens?: DesktopBridge;
  }
}

type Workbench = ContractRouterClient<typeof contract>;
type Desktop = ContractRouterClient<typeof desktopContract>;
type Link = ClientLink<ClientContext>;

export type ConnectionState = 'connecting' | 'open' | 'lost';

/** Whether calls reach the workbench now. */
export const connectionState = shallowRef<ConnectionState>('connecting');

/** True in the window of the operating system, false in a browser. */
export const isDesktop = window.fundusLens !== undefined;

const longestPause = 8000;
let pause = 250;
let current = open();

function open(): Promise<Link> {
  return isDesktop ? openPort(window.fundusLens!) : openSocket();
}

function openPort(bridge: DesktopBridge): Promise<Link> {
  return new Promise((resolve) => {
    window.addEventListener('message', ({ source, data, ports: [workbenchPort, desktopPort] }) => {
      if (source !== window || data !== portMessage) return;
      if (workbenchPort === undefined || desktopPort === undefined) return;
      const workbenchLink = new PortLink({ port: workbenchPort });
      const desktopLink = new PortLink({ port: desktopPort });
      workbenchPort.start();
      desktopPort.start();
      workbenchPort.addEventListener('close', () => (connectionState.value = 'lost'));
      connectionState.value = 'open';
      resolve({
        call: (path, input, options) =>
          (path[0] === 'desktop' ? desktopLink : workbenchLink).call(path, input, options),
      });
    });
    bridge.connect();
  });
}

/** A socket, and after its end a new one: the server may have been started again. */
function openSocket(): Promise<Link> {
  return new Promise((resolve) => {
    const socket = new WebSocket(new URL('/rpc', location.href.replace(/^http/, 'ws')));
    const link = new SocketLink({ websocket: socket });
    socket.addEventListener('open', () => {
      pause = 250;
      connectionState.value = 'open';
      resolve(link);
    });
    socket.addEventListener('close', () => {
      connectionState.value = 'lost';
      const next = new Promise<Link>((ready) => {
        setTimeout(() => void openSocket().then(ready), pause);
      });
      pause = Math.min(longestPause, pause * 2);
      current = next;
      resolve(next);
    });
  });
}

const link: Link = {
  call: async (path, input, options) => (await current).call(path, input, options),
};

const remote: Workbench & { readonly desktop: Desktop } = createORPCClient(link);

/** Every call of the contract. */
export const workbench: Workbench = remote;

/** What only the window can do; null in a browser. */
export const desktop: Desktop | null = isDesktop ? remote.desktop : null;
