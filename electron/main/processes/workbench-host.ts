import type { MessagePortMain } from 'electron';
import { limits } from '../../contract/limits.ts';
import type { Media } from '../../contract/images/media.ts';
import { deserializeError, serializeError } from '../../contract/problem.ts';
import type { AppSettings } from '../../contract/app/settings.ts';
import type { EngineProcess, EngineProcessListener } from '../../engine/process/engine-process.ts';
import { forkWorkbench } from './fork-workbench.ts';
import type { WorkbenchProcess } from './fork-workbench.ts';
import { forkUtilityEngine } from './utility-engine.ts';
import type { EngineOrder, WorkbenchEvent, WorkbenchOrder } from './workbench-messages.ts';

export interface WorkbenchHostOptions {
  /** Script of the workbench's process. */
  readonly script: string;
  /** A plain Node to run it in; null for the desktop's own runtime. */
  readonly node: string | null;
  readonly order: WorkbenchOrder;
  /** Called when the process ends and nobody asked it to. */
  readonly onGone: (how: string) => void;
}

/** Milliseconds beyond the workbench's own patience before its process is killed. */
const closingReserve = 4000;

/**
 * The workbench as the window's process has it: pages' calls, pictures and engines are passed on to a process of its own. What it
 * loads - SQLite, the decoder of photographs - never meets the libraries of the window system.
 */
export class WorkbenchHost {
  readonly #process: WorkbenchProcess;
  readonly #lines = new Map<number, MessagePortMain>();
  readonly #media = new Map<number, (media: Media | null) => void>();
  readonly #engines = new Map<number, EngineProcess>();
  readonly #opened: Promise<AppSettings['language']>;
  readonly #ended: Promise<void>;
  #tellOpened!: (language: AppSettings['language']) => void;
  #tellFailed!: (error: Error) => void;
  #tellEnded!: () => void;
  #state: 'opening' | 'open' | 'closing' | 'gone' = 'opening';
  #next = 1;

  private constructor({ script, node, order, onGone }: WorkbenchHostOptions) {
    this.#opened = new Promise((resolve, reject) => {
      this.#tellOpened = resolve;
      this.#tellFailed = reject;
    });
    this.#ended = new Promise((resolve) => {
      this.#tellEnded = resolve;
    });
    this.#process = forkWorkbench(script, node, {
      onEvent: (event) => this.#hear(event),
      onEnd: (how) => this.#end(how, onGone),
    });
    this.#process.post({ type: 'open', order });
  }

  /** @throws whatever `createWorkbench` throws; Error when the process cannot be started */
  static async open(
    options: WorkbenchHostOptions,
  ): Promise<{ readonly host: WorkbenchHost; readonly language: AppSettings['language'] }> {
    const host = new WorkbenchHost(options);
    return { host, language: await host.#opened };
  }

  /** Answers a page's calls at this port until either side ends. */
  connect(port: MessagePortMain): void {
    const line = this.#next++;
    this.#lines.set(line, port);
    port.on('message', ({ data }) => this.#process.post({ type: 'line', line, data }));
    port.on('close', () => {
      this.#lines.delete(line);
      this.#process.post({ type: 'line-end', line });
    });
    port.start();
  }

  /** null when there is no such image or view. */
  openMedia(imageId: number, view: string): Promise<Media | null> {
    if (this.#state !== 'open') return Promise.resolve(null);
    return new Promise((resolve) => {
      const id = this.#next++;
      this.#media.set(id, resolve);
      this.#process.post({ type: 'media', id, imageId, view });
    });
  }

  /** Closes the library in good order; a process that does not end is killed. */
  async close(): Promise<void> {
    if (this.#state === 'gone') return;
    this.#state = 'closing';
    this.#process.post({ type: 'close' });
    const timer = setTimeout(() => this.#process.kill(), limits.closing + closingReserve);
    await this.#ended;
    clearTimeout(timer);
  }

  #hear(event: WorkbenchEvent): void {
    switch (event.type) {
      case 'opened':
        this.#state = 'open';
        this.#tellOpened(event.language);
        return;
      case 'failed':
        this.#state = 'closing';
        this.#tellFailed(deserializeError(event.error));
        this.#process.post({ type: 'close' });
        return;
      case 'line':
        this.#lines.get(event.line)?.postMessage(event.data);
        return;
      case 'media':
        this.#media.get(event.id)?.(event.media);
        this.#media.delete(event.id);
        return;
      default:
        this.#serveEngine(event);
    }
  }

  #serveEngine(order: EngineOrder): void {
    const { engine } = order;
    if (order.type === 'engine-start') {
      const listener: EngineProcessListener = {
        onEvent: (event) => this.#process.post({ type: 'engine-event', engine, pid: started.pid, event }),
        onEnd: (error) => {
          this.#engines.delete(engine);
          this.#process.post({ type: 'engine-end', engine, error: serializeError(error) });
        },
      };
      const started = forkUtilityEngine(order.script, listener, order.environment);
      this.#engines.set(engine, started);
      return;
    }
    const running = this.#engines.get(engine);
    if (order.type === 'engine-post') running?.post(order.command);
    else if (order.type === 'engine-kill') running?.kill();
    else void running?.end();
  }

  #end(how: string, onGone: (how: string) => void): void {
    const wasOpen = this.#state === 'open';
    this.#state = 'gone';
    for (const engine of this.#engines.values()) engine.kill();
    for (const answer of this.#media.values()) answer(null);
    for (const port of this.#lines.values()) port.close();
    this.#media.clear();
    this.#lines.clear();
    this.#tellFailed(new Error(`The workbench's process ended: ${how}.`));
    this.#tellEnded();
    if (wasOpen) onGone(how);
  }
}
