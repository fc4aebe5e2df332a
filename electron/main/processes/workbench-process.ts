/** Entry of the desktop's second process: everything but windows. It loads no part of Electron, and runs in plain Node as well. */

import { EventEmitter } from 'node:events';
import { RPCHandler } from '@orpc/server/message-port';
import { serializeError } from '../../contract/problem.ts';
import { createCallOptions } from '../../shell/call-options.ts';
import { openLog } from '../../shell/log.ts';
import type { Log } from '../../shell/log.ts';
import { createWorkbench } from '../../workbench/open-workbench.ts';
import type { Workbench } from '../../workbench/open-workbench.ts';
import { RelayedEngines } from './relayed-engines.ts';
import type { WorkbenchCommand, WorkbenchEvent, WorkbenchOrder } from './workbench-messages.ts';

/** What Electron's utilityProcess gives instead of Node's message channel. */
interface ParentPort {
  postMessage(message: WorkbenchEvent): void;
  on(event: 'message', listener: (message: { data: WorkbenchCommand }) => void): void;
  on(event: 'close', listener: () => void): void;
}

/** A page's end of its line, as the handler of calls wants a port. */
class Line extends EventEmitter {
  readonly postMessage: (data: unknown) => void;
  constructor(number: number) {
    super();
    this.postMessage = (data) => post({ type: 'line', line: number, data });
  }
}

const { parentPort } = process as unknown as { readonly parentPort?: ParentPort | null };
if (!parentPort && process.send === undefined)
  throw new Error('The workbench runs only as a child process of the desktop.');
// The desktop's runtime starts processes for those that are its own; a plain Node starts its own.
const engines = parentPort ? new RelayedEngines(post) : null;
const lines = new Map<number, Line>();
let open: { readonly workbench: Workbench; readonly handler: RPCHandler<object>; readonly log: Log } | null =
  null;
let closing: Promise<void> | null = null;

function post(event: WorkbenchEvent): void {
  if (parentPort) parentPort.postMessage(event);
  // A window that has gone away in the meantime is noticed by `disconnect`.
  else if (process.connected) process.send?.(event, undefined, undefined, () => undefined);
}

async function openWorkbench(order: WorkbenchOrder): Promise<void> {
  try {
    const log = openLog(order.logFolder);
    process.on('uncaughtException', (error) => log.error('uncaught', error));
    process.on('unhandledRejection', (error) => log.error('unhandled', error));
    const workbench = await createWorkbench({
      ...order,
      log,
      ...(engines === null ? {} : { engine: { fork: engines.fork } }),
    });
    open = { workbench, handler: new RPCHandler(workbench.router, createCallOptions(log)), log };
    const { language } = await workbench.client.settings.get();
    post({ type: 'opened', language });
  } catch (error) {
    post({ type: 'failed', error: serializeError(error) });
  }
}

function lineOf(number: number): Line | null {
  const known = lines.get(number);
  if (known !== undefined || open === null) return known ?? null;
  const line = new Line(number);
  lines.set(number, line);
  open.handler.upgrade(line, { context: {} });
  return line;
}

function receive(command: WorkbenchCommand): void {
  switch (command.type) {
    case 'open':
      void openWorkbench(command.order);
      return;
    case 'line':
      lineOf(command.line)?.emit('message', { data: command.data });
      return;
    case 'line-end':
      lines.get(command.line)?.emit('close');
      lines.delete(command.line);
      return;
    case 'media':
      void sendMedia(command);
      return;
    case 'close':
      void close();
      return;
    default:
      engines?.receive(command);
  }
}

async function sendMedia({
  id,
  imageId,
  view,
}: WorkbenchCommand & { readonly type: 'media' }): Promise<void> {
  try {
    post({ type: 'media', id, media: (await open?.workbench.openMedia(imageId, view)) ?? null });
  } catch (error) {
    // A picture that is gone or broken is for the page as good as none; the image's detail says what is wrong.
    open?.log.error('content-failed', error);
    post({ type: 'media', id, media: null });
  }
}

function close(): Promise<void> {
  closing ??= (async () => {
    await open?.workbench.close();
    process.exit(0);
  })();
  return closing;
}

// Ctrl-C reaches every process of the terminal; it is the window's that decides, and closes.
process.on('SIGINT', () => undefined);
if (parentPort) {
  parentPort.on('message', ({ data }) => receive(data));
  parentPort.on('close', () => void close());
} else {
  process.on('message', (message) => receive(message as WorkbenchCommand));
  process.once('disconnect', () => void close());
}
