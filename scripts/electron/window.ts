import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { WebSocket } from 'ws';

interface WindowOptions {
  readonly program: string;
  /** Whose account runs it; null for that of this process. */
  readonly account: number | null;
  /** Folder of whoever runs it; nothing outside is read or written. */
  readonly home: string;
  /** A plain Node for the workbench, where the desktop is not packaged. */
  readonly node?: string;
  readonly display: string;
}

export interface RunningWindow {
  readonly pid: number;
  /** Value of an expression in the page. */
  readonly evaluate: (expression: string) => Promise<unknown>;
  /** Waits until an expression in the page is true. */
  readonly waitFor: (expression: string, milliseconds?: number) => Promise<void>;
  readonly takePicture: (file: string) => Promise<void>;
  /** Lines of GLib, GObject and GTK that say something is wrong. */
  readonly glibComplaints: () => number;
  /** Closes the window, as a person does. @throws Error when the program does not end in good order */
  readonly close: () => Promise<void>;
}

const startPatience = 300_000;

/**
 * Starts the desktop as somebody does who has just installed it, and speaks to its page by Chromium's own protocol: Playwright's
 * way into Electron waits for ever at the older one.
 */
export async function startWindow(options: WindowOptions): Promise<RunningWindow> {
  const { program, account, home, node, display } = options;
  const child = spawn(program, ['--remote-debugging-port=0', `--user-data-dir=${join(home, 'profile')}`], {
    cwd: home,
    ...(account === null ? {} : { uid: account, gid: account }),
    env: {
      ...systemVariables(),
      HOME: home,
      LOCALAPPDATA: home,
      XDG_DATA_HOME: join(home, 'data'),
      XDG_CACHE_HOME: join(home, 'cache'),
      XDG_CONFIG_HOME: join(home, 'config'),
      LANG: 'C.UTF-8',
      DISPLAY: display,
      ...(node === undefined ? {} : { FUNDUS_LENS_NODE: node }),
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => (said += chunk.toString()));
  const exit = once(child, 'exit') as Promise<[number | null, NodeJS.Signals | null]>;
  const until = Date.now() + startPatience;
  for (;;) {
    const port = /DevTools listening on ws:\/\/127\.0\.0\.1:(\d+)/.exec(said)?.[1];
    const address = port === undefined ? null : await findPage(port);
    if (address !== null) {
      const page = await openLine(address);
      return {
        pid: child.pid!,
        ...page,
        glibComplaints: () => countComplaints(said),
        close: () => close(page),
      };
    }
    if (child.exitCode !== null || Date.now() > until) {
      child.kill('SIGKILL');
      throw new Error(`The desktop showed no page: ${said.slice(-2000)}`);
    }
    await pause(100);
  }

  async function close(page: Awaited<ReturnType<typeof openLine>>): Promise<void> {
    // The answer may be lost with the page that gives it.
    await Promise.race([page.evaluate('setTimeout(() => window.close(), 0)'), exit]);
    // A Mac's program stays when its window is closed.
    if (process.platform === 'darwin') child.kill('SIGTERM');
    const timer = setTimeout(() => child.kill('SIGKILL'), startPatience);
    const [code, signal] = await exit;
    clearTimeout(timer);
    if (code !== 0)
      throw new Error(`The desktop ended with ${signal ?? `exit code ${code}`}: ${said.slice(-2000)}`);
  }
}

/** What a program needs of the system that it runs on; nothing of whoever runs the check. */
function systemVariables(): NodeJS.ProcessEnv {
  const names = ['PATH', 'Path', 'SystemRoot', 'windir', 'TEMP', 'TMP', 'TMPDIR', 'APPDATA', 'USERPROFILE'];
  return Object.fromEntries(
    names.map((name) => [name, process.env[name]] as const).filter(([, value]) => value),
  );
}

/** Address of the page's line; null while there is no page. */
async function findPage(port: string): Promise<string | null> {
  const response = await fetch(`http://127.0.0.1:${port}/json/list`).catch(() => null);
  const targets = ((await response?.json()) ?? []) as { url: string; webSocketDebuggerUrl: string }[];
  return targets.find(({ url }) => url.startsWith('app://'))?.webSocketDebuggerUrl ?? null;
}

async function openLine(address: string) {
  const socket = new WebSocket(address, { perMessageDeflate: false });
  await once(socket, 'open');
  const waiting = new Map<number, (answer: Record<string, unknown>) => void>();
  let next = 1;
  socket.on('error', () => undefined);
  socket.on('message', (data: Buffer) => {
    const message = JSON.parse(data.toString()) as { id?: number } & Record<string, unknown>;
    if (message.id !== undefined) waiting.get(message.id)?.(message);
  });
  const ask = async (method: string, params: object = {}): Promise<Record<string, unknown>> => {
    const id = next++;
    const answer = await new Promise<Record<string, unknown>>((resolve) => {
      waiting.set(id, resolve);
      socket.send(JSON.stringify({ id, method, params }));
    });
    waiting.delete(id);
    if ('error' in answer) throw new Error(`${method}: ${JSON.stringify(answer['error'])}`);
    return answer['result'] as Record<string, unknown>;
  };
  const evaluate = async (expression: string): Promise<unknown> => {
    const params = { expression, awaitPromise: true, returnByValue: true };
    const { result, exceptionDetails } = await ask('Runtime.evaluate', params);
    if (exceptionDetails !== undefined) throw new Error(`${expression}: ${JSON.stringify(exceptionDetails)}`);
    return (result as { value?: unknown }).value;
  };
  return {
    evaluate,
    waitFor: async (expression: string, milliseconds = 300_000): Promise<void> => {
      const until = Date.now() + milliseconds;
      for (;;) {
        // A page that is being loaded again has nothing to evaluate in.
        if ((await evaluate(`Boolean(${expression})`).catch(() => false)) === true) return;
        if (Date.now() > until)
          throw new Error(`It did not come true in ${milliseconds / 1000} s: ${expression}`);
        await pause(100);
      }
    },
    takePicture: async (file: string): Promise<void> => {
      const { data } = await ask('Page.captureScreenshot', { format: 'png' });
      await writeFile(file, Buffer.from(data as string, 'base64'));
    },
  };
}

function countComplaints(text: string): number {
  return text.match(/^.*\b(?:GLib|GObject|Gtk|Gdk)[\w-]*-(?:CRITICAL|WARNING|ERROR).*$/gm)?.length ?? 0;
}
