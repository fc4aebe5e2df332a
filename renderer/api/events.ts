import type { WorkbenchEvent } from '../../electron/contract/app/events.ts';
import type { DesktopEvent } from '../../electron/contract/app/desktop.ts';
import { desktop, workbench } from './connection.ts';

type Listener<T> = (event: T) => void;

const listeners = new Set<Listener<WorkbenchEvent>>();
const desktopListeners = new Set<Listener<DesktopEvent>>();

/** Hears everything that happens in the workbench; returns how to stop. */
export function onWorkbenchEvent(listener: Listener<WorkbenchEvent>): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Hears the menus and the files that the system opens with the app. */
export function onDesktopEvent(listener: Listener<DesktopEvent>): () => void {
  desktopListeners.add(listener);
  return () => desktopListeners.delete(listener);
}

/** Reads both streams for as long as the page lives, and begins anew where one ends. */
export function startEventStreams(): void {
  void follow(() => workbench.events.subscribe(), listeners, true);
  const window = desktop;
  if (window !== null) void follow(() => window.events(), desktopListeners, false);
}

async function follow<T extends { type: string }>(
  subscribe: () => Promise<AsyncIterable<T>>,
  hearers: ReadonlySet<Listener<T>>,
  resync: boolean,
): Promise<never> {
  for (let round = 0; ; round++) {
    try {
      const stream = await subscribe();
      // What happened between the streams is unknown: everything shown is read again.
      if (resync && round > 0) hearers.forEach((hear) => hear({ type: 'resync' } as unknown as T));
      for await (const event of stream) hearers.forEach((hear) => hear(event));
    } catch {
      // The connection ended; the status bar says so.
    }
    await new Promise((resolve) => setTimeout(resolve, 700));
  }
}
