import { once } from 'node:events';
import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createORPCClient } from '@orpc/client';
import type { ClientContext, ClientLink } from '@orpc/client';
import { RPCLink } from '@orpc/client/message-port';
import type { ContractRouterClient } from '@orpc/contract';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { contract } from '../contract/index.ts';
import { portMessage } from '../contract/app/desktop.ts';
import type { DesktopBridge, DesktopEvent, desktopContract } from '../contract/app/desktop.ts';
import * as electron from './electron-double.ts';

vi.mock('electron', () => import('./electron-double.ts'));

type Remote = ContractRouterClient<typeof contract> & {
  readonly desktop: ContractRouterClient<typeof desktopContract>;
};

const folder = mkdtempSync(join(tmpdir(), 'fundus-lens окно '));
const builtFolder = join(folder, 'out');
const photograph = join(folder, 'Снимок.jpg');
const page = electron.session.defaultSession;
const bridgeEvents = new EventTarget();

/** The page's own world: what the preload script sends it arrives here. */
vi.stubGlobal('window', {
  postMessage: (data: unknown, origin: string, ports: MessagePort[]) =>
    bridgeEvents.dispatchEvent(new CustomEvent('message', { detail: { data, origin, ports } })),
});
vi.stubGlobal('location', { origin: 'app://fundus-lens' });
vi.stubEnv('XDG_DATA_HOME', join(folder, 'data'));
vi.stubEnv('XDG_CACHE_HOME', join(folder, 'cache'));
vi.stubEnv('LOCALAPPDATA', join(folder, 'data'));

let bridge: DesktopBridge;
let window: electron.BrowserWindow;

beforeAll(async () => {
  mkdirSync(join(builtFolder, 'renderer', 'assets'), { recursive: true });
  writeFileSync(join(builtFolder, 'renderer', 'index.html'), '<!doctype html><title>Fundus Lens</title>');
  writeFileSync(join(folder, 'secret.js'), 'secret');
  symlinkSync(join(folder, 'secret.js'), join(builtFolder, 'renderer', 'assets', 'link.js'));
  writeFileSync(photograph, 'a photograph');
  electron.app.userData = join(folder, 'data');
  vi.spyOn(process, 'argv', 'get').mockReturnValue([
    'electron',
    'main.js',
    '--flag',
    photograph,
    '/no/such.jpg',
  ]);

  const { runDesktop } = await import('./desktop.ts');
  runDesktop({
    builtFolder,
    node: process.execPath,
    workbenchScript: join(import.meta.dirname, 'processes', 'workbench-process.ts'),
    order: { samplesFolder: null, demoModelFolder: null },
  });
  await import('../preload/preload.ts');
  bridge = electron.exposed.get('fundusLens') as DesktopBridge;
  await vi.waitFor(() => expect(electron.BrowserWindow.all).toHaveLength(1), 300_000);
  window = electron.BrowserWindow.all[0]!;
  asTopFrame();
}, 400_000);

afterAll(async () => {
  electron.app.emit('will-quit', { preventDefault: () => undefined });
  await vi.waitFor(() => expect(electron.asked.map(({ what }) => what)).toContain('quit'), 120_000);
  rmSync(folder, { recursive: true });
});

function asTopFrame(): void {
  electron.sender.contents = window.webContents;
  electron.sender.frame = window.webContents.mainFrame;
}

/** By its parent and its script; only Linux tells both in files. */
function isOurWorkbench(pid: string): boolean {
  try {
    const [parent] = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ').slice(1);
    const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8');
    return Number(parent) === process.pid && command.includes('workbench-process');
  } catch {
    return false;
  }
}

/** What the page does to reach the main process. */
async function connect(): Promise<{ readonly remote: Remote; readonly close: () => void }> {
  const arrived = once(bridgeEvents, 'message') as Promise<
    [CustomEvent<{ data: unknown; origin: string; ports: MessagePort[] }>]
  >;
  bridge.connect();
  const [{ detail }] = await arrived;
  expect(detail).toMatchObject({ data: portMessage, origin: 'app://fundus-lens' });
  const [workbenchPort, desktopPort] = detail.ports;
  const [workbenchLink, desktopLink] = [workbenchPort!, desktopPort!].map((port) => new RPCLink({ port }));
  for (const port of detail.ports) port.start();
  const link: ClientLink<ClientContext> = {
    call: (path, input, options) =>
      (path[0] === 'desktop' ? desktopLink! : workbenchLink!).call(path, input, options),
  };
  return {
    remote: createORPCClient(link),
    close: () => {
      for (const port of detail.ports) port.close();
    },
  };
}

describe('windows', () => {
  test('every window has the safe preferences', () => {
    for (const { options, url } of electron.BrowserWindow.all) {
      expect(url).toBe('app://fundus-lens/');
      expect(options.webPreferences).toMatchObject({
        contextIsolation: true,
        sandbox: true,
        webSecurity: true,
        nodeIntegration: false,
        nodeIntegrationInWorker: false,
        nodeIntegrationInSubFrames: false,
        webviewTag: false,
        allowRunningInsecureContent: false,
        experimentalFeatures: false,
      });
      expect(options.webPreferences['preload']).toBe(join(builtFolder, 'preload', 'preload.cjs'));
    }
    expect(electron.asked.some(({ what }) => what === 'enableSandbox')).toBe(true);
  });

  test('our scheme is no way around a policy', () => {
    const { args } = electron.asked.find(({ what }) => what === 'registerSchemesAsPrivileged')!;
    expect(args[0]).toMatchObject([
      { scheme: 'app', privileges: { standard: true, secure: true, bypassCSP: false } },
    ]);
  });

  test('new windows, foreign pages, webviews and permissions are denied', () => {
    const contents = window.webContents;
    expect(contents.openHandler!({ url: 'app://fundus-lens/' })).toEqual({ action: 'deny' });
    const isStopped = (name: string, url: string) => {
      let stopped = false;
      contents.emit(name, { url, preventDefault: () => (stopped = true) });
      return stopped;
    };
    for (const name of ['will-navigate', 'will-redirect', 'will-frame-navigate']) {
      expect(isStopped(name, 'https://evil.example/')).toBe(true);
      expect(isStopped(name, 'file:///etc/passwd')).toBe(true);
      expect(isStopped(name, 'app://fundus-lens.evil/')).toBe(true);
      expect(isStopped(name, 'app://fundus-lens/#/trace/1')).toBe(false);
    }
    expect(isStopped('will-attach-webview', '')).toBe(true);
    const decisions: boolean[] = [];
    page.permission!(contents, 'media', (granted) => decisions.push(granted));
    page.permission!(contents, 'clipboard-read', (granted) => decisions.push(granted));
    const checks = ['media', 'clipboard-read'].map((permission) => page.check!(contents, permission));
    expect([...decisions, ...checks, page.device!()]).toEqual([false, false, false, false, false]);
    // A click may copy a figure.
    page.permission!(contents, 'clipboard-sanitized-write', (granted) => decisions.push(granted));
    expect([decisions.at(-1), page.check!(contents, 'clipboard-sanitized-write')]).toEqual([true, true]);
  });

  test('nothing is loaded from the network or the disk', () => {
    const isCancelled = (url: string) => {
      let cancelled = false;
      page.before!({ url }, ({ cancel }) => (cancelled = cancel));
      return cancelled;
    };
    for (const url of [
      'https://example.org',
      'http://127.0.0.1',
      'ws://x',
      'file:///etc/passwd',
      'ftp://x',
    ]) {
      expect(isCancelled(url)).toBe(true);
    }
    for (const url of ['app://fundus-lens/', 'blob:app://fundus-lens/1', 'data:image/png;base64,']) {
      expect(isCancelled(url)).toBe(false);
    }
  });

  test('the place of the window is remembered', async () => {
    window.emit('close');
    const { readWindowState } = await import('./window/window-state.ts');
    const file = join(folder, 'data', 'window.json');
    expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual({
      bounds: window.getNormalBounds(),
      maximized: false,
    });
    expect(readWindowState(file).bounds).toEqual(window.getNormalBounds());
    writeFileSync(
      file,
      JSON.stringify({ bounds: { x: 9000, y: 0, width: 1200, height: 800 }, maximized: true }),
    );
    expect(readWindowState(file).bounds).not.toHaveProperty('x');
  });

  test('a page that dies is offered to be loaded again', async () => {
    window.webContents.emit('render-process-gone', {}, { reason: 'crashed', exitCode: 139 });
    await expect.poll(() => electron.asked.some(({ what }) => what === 'reload')).toBe(true);
  });

  test('a page that hangs is waited for, or ended and loaded again, and asked about once at a time', async () => {
    const count = (name: string) => electron.asked.filter(({ what }) => what === name).length;
    const [reloads, boxes] = [count('reload'), count('showMessageBox')];
    electron.answers.button = 0;
    window.emit('unresponsive');
    window.emit('unresponsive');
    await expect.poll(() => count('showMessageBox')).toBe(boxes + 1);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(count('reload')).toBe(reloads);
    electron.answers.button = 1;
    window.emit('unresponsive');
    await expect.poll(() => count('reload')).toBe(reloads + 1);
    expect(count('forcefullyCrashRenderer')).toBe(1);
    // Its end was our own doing: nobody is asked about that too.
    expect(count('showMessageBox')).toBe(boxes + 2);
    electron.answers.button = 0;
  });

  test('another process of the program that dies is noted', () => {
    electron.app.emit('child-process-gone', {}, { type: 'GPU', reason: 'crashed', exitCode: 139 });
    const log = readFileSync(join(folder, 'data', 'fundus-lens', 'logs', 'fundus-lens.log'), 'utf8');
    expect(log).toContain('child-gone-gpu');
  });
});

describe('the protocol', () => {
  const ask = (url: string) => page.handler!({ url, method: 'GET', headers: new Headers() } as Request);

  test('serves the page with a strict policy', async () => {
    const response = await ask('app://fundus-lens/');
    expect(response.status).toBe(200);
    expect(await response.text()).toContain('Fundus Lens');
    expect(response.headers.get('content-security-policy')).toMatch(/default-src 'none'; script-src 'self'/);
  });

  test.each([
    'app://fundus-lens/../secret.js',
    'app://fundus-lens/%2e%2e/secret.js',
    'app://fundus-lens/assets/%2e%2e%2f%2e%2e%2fsecret.js',
    'app://fundus-lens/..%5csecret.js',
    'app://fundus-lens//etc/passwd',
    'app://fundus-lens/etc/passwd',
    'app://fundus-lens/assets/link.js',
    'app://fundus-lens/media/image/4711/thumb',
    'app://fundus-lens/media/image/1/../../../secret.js',
    'app://fundus-lens/media/image/-1/thumb',
    'app://evil/',
    'app://evil/index.html',
  ])('%s does not exist', async (url) => {
    const response = await ask(url);
    expect(response.status).toBe(404);
    expect(await response.text()).toBe('');
  });
});

describe('calls', () => {
  test('a page of ours is answered, workbench and desktop alike', async () => {
    const { remote, close } = await connect();
    expect(await remote.library.status()).toMatchObject({ state: 'open' });
    expect(await remote.images.count({})).toBe(0);
    electron.answers.open = ['/photographs/глаз.dcm'];
    expect(await remote.desktop.openFiles({ purpose: 'images' })).toEqual({
      paths: ['/photographs/глаз.dcm'],
    });
    close();
  });

  test('every call of the contract has a handler', async () => {
    const { remote, close } = await connect();
    const client = remote as unknown as Record<string, Record<string, (input: unknown) => Promise<unknown>>>;
    const names = (part: object, path: string[] = []): string[][] =>
      '~orpc' in part
        ? [path]
        : Object.entries(part).flatMap(([name, inner]) => names(inner as object, [...path, name]));
    for (const path of names(contract)) {
      // A payload that no schema takes: whoever refuses it has been found.
      const call = path.reduce<unknown>((at, name) => (at as typeof client)[name], client) as (
        input: unknown,
      ) => Promise<unknown>;
      const outcome = await call(Symbol.for('refused').toString()).then(
        () => 'answered',
        (error: unknown) => (error as { code?: string }).code,
      );
      expect({ path, outcome }).not.toMatchObject({ outcome: 'NOT_FOUND' });
    }
    close();
  });

  test('an unknown call and a payload that breaks the schema are refused', async () => {
    const { remote, close } = await connect();
    await expect(remote.images.get({ id: -1 })).rejects.toMatchObject({
      code: 'PROBLEM',
      data: { code: 'input.invalid' },
    });
    await expect(remote.desktop.saveFile({ name: '../x', file: new File(['x'], 'x') })).rejects.toMatchObject(
      { code: 'BAD_REQUEST' },
    );
    const unknown = (remote.desktop as unknown as Record<string, () => Promise<unknown>>)['runCommand']!;
    await expect(unknown()).rejects.toMatchObject({ code: 'NOT_FOUND' });
    close();
  });

  test.each([
    ['a foreign frame', () => (electron.sender.frame = { origin: 'app://fundus-lens' })],
    ['no frame', () => (electron.sender.frame = null)],
    ['another window', () => (electron.sender.contents = new electron.WebContentsDouble())],
  ])('a line from %s is refused', async (_who, play) => {
    play();
    const [first, second] = [new MessageChannel(), new MessageChannel()];
    const closed = [first, second].map(({ port2 }) => once(port2 as unknown as EventTarget, 'close'));
    electron.ipcRenderer.postMessage(portMessage, null, [first.port1 as never, second.port1 as never]);
    await Promise.all(closed);
    asTopFrame();
  });

  test('a page that was led elsewhere is refused, and so is an unknown channel', async () => {
    Object.assign(window.webContents.mainFrame, { origin: 'https://evil.example' });
    const [first, second] = [new MessageChannel(), new MessageChannel()];
    const closed = [first, second].map(({ port2 }) => once(port2 as unknown as EventTarget, 'close'));
    electron.ipcRenderer.postMessage(portMessage, null, [first.port1 as never, second.port1 as never]);
    await Promise.all(closed);
    Object.assign(window.webContents.mainFrame, { origin: 'app://fundus-lens' });
    expect(electron.ipcMain.eventNames()).toEqual([portMessage]);
  });
});

describe('the workbench', () => {
  test.skipIf(process.platform !== 'linux')(
    'is a process of its own, and is opened again when that ends',
    async () => {
      const pids = () => readdirSync('/proc').filter((pid) => isOurWorkbench(pid));
      const { remote } = await connect();
      expect((await remote.app.info()).node).toBe(process.versions.node);
      const reloads = electron.asked.filter(({ what }) => what === 'reload').length;
      const [pid] = pids();
      process.kill(Number(pid), 'SIGKILL');
      await expect
        .poll(() => electron.asked.filter(({ what }) => what === 'reload').length, { timeout: 300_000 })
        .toBe(reloads + 1);
      const again = await connect();
      expect(await again.remote.library.status()).toMatchObject({ state: 'open' });
      expect(pids()).not.toEqual([pid]);
      again.close();
    },
    400_000,
  );
});

describe('the system', () => {
  test('files of the command line, of a second start and of the system reach the page', async () => {
    const { remote, close } = await connect();
    const events = await remote.desktop.events();
    const next = async () => (await events.next()).value as DesktopEvent;
    expect(await next()).toEqual({ type: 'open-files', paths: [photograph] });
    electron.app.emit('second-instance', {}, ['electron', 'Снимок.jpg', '--x', 'none.jpg'], folder);
    expect(await next()).toEqual({ type: 'open-files', paths: [photograph] });
    electron.app.emit('open-file', { preventDefault: () => undefined }, photograph);
    expect(await next()).toEqual({ type: 'open-files', paths: [photograph] });
    await events.return();
    close();
  });

  test('what was opened stands in the menu, opens again, and is forgotten where that is asked', async () => {
    interface Entry {
      readonly label?: string;
      readonly enabled?: boolean;
      readonly submenu?: readonly Entry[];
      readonly click?: () => void;
    }
    const readRecent = () => {
      const [file] = electron.asked.findLast(({ what }) => what === 'setApplicationMenu')!.args[0] as Entry[];
      return file!.submenu!.find(({ submenu }) => submenu !== undefined)!;
    };
    const [first, ...others] = readRecent().submenu!;
    expect(first!.label).toBe('Снимок.jpg');
    const { remote, close } = await connect();
    const events = await remote.desktop.events();
    const next = events.next();
    first!.click!();
    expect((await next).value).toEqual({ type: 'open-files', paths: [photograph] });
    expect(readRecent().submenu!.filter(({ label }) => label === 'Снимок.jpg')).toHaveLength(1);
    others.at(-1)!.click!();
    expect(readRecent()).toMatchObject({ enabled: false });
    expect(readFileSync(join(folder, 'data', 'recent.json'), 'utf8')).toBe('[]');
    await events.return();
    close();
  });

  test('figures are saved and dragged out, and the menu speaks the language of the page', async () => {
    const { remote, close } = await connect();
    electron.answers.save = join(folder, 'figure.svg');
    const file = new File(['<svg/>'], 'figure.svg', { type: 'image/svg+xml' });
    expect(await remote.desktop.saveFile({ name: 'figure.svg', file })).toEqual({
      paths: [electron.answers.save],
    });
    expect(readFileSync(electron.answers.save, 'utf8')).toBe('<svg/>');
    await remote.desktop.dragOut({ name: 'figure.svg', file });
    const dragged = electron.asked.find(({ what }) => what === 'startDrag')!.args[0] as { file: string };
    expect(readFileSync(dragged.file, 'utf8')).toBe('<svg/>');
    await remote.desktop.setAppearance({ language: 'ru', theme: 'light' });
    expect(electron.nativeTheme.themeSource).toBe('light');
    const menu = electron.asked.findLast(({ what }) => what === 'setApplicationMenu')!.args[0];
    expect(JSON.stringify(menu)).toContain('Импортировать файлы');
    close();
  });

  test('the log names neither files nor persons', () => {
    const log = readFileSync(join(folder, 'data', 'fundus-lens', 'logs', 'fundus-lens.log'), 'utf8');
    expect(log).toContain('line-refused');
    expect(log).not.toContain('Снимок');
  });
});

test('the engine is a utility process whose end is told with its last words', async () => {
  const { forkUtilityEngine } = await import('./processes/utility-engine.ts');
  const ends: Error[] = [];
  const listener = { onEvent: () => undefined, onEnd: (error: Error) => ends.push(error) };
  const engine = forkUtilityEngine('/app/engine/worker.js', listener, { LIBRARIES: '/home/a' });
  expect(electron.asked.at(-1)).toMatchObject({
    what: 'fork',
    args: ['/app/engine/worker.js', [], { env: { ...process.env, LIBRARIES: '/home/a' } }],
  });
  const child = electron.UtilityProcessDouble.all.at(-1)!;
  child.stderr.emit('data', Buffer.from('out of memory'));
  child.emit('exit', 134);
  expect(ends).toMatchObject([
    { code: 'engine.killed', found: 'it ended with exit code 134; it last wrote: out of memory' },
  ]);
  await engine.end();

  const calm = forkUtilityEngine('/app/engine/worker.js', listener, {});
  await calm.end();
  expect(ends.at(-1)).toMatchObject({ code: 'engine.cancelled' });
});

test('a trial that the engine asks for runs in a process of its own, and the engine is told how it ended', async () => {
  const { forkUtilityEngine } = await import('./processes/utility-engine.ts');
  const events: unknown[] = [];
  const listener = { onEvent: (event: unknown) => events.push(event), onEnd: () => undefined };
  forkUtilityEngine('/app/node/worker.js', listener, {});
  const engine = electron.UtilityProcessDouble.all.at(-1)!;
  const order = {
    type: 'probe',
    script: '/app/node/probe-process.js',
    args: ['webgpu'],
    environment: { LOG: '1' },
  };
  engine.emit('message', { ...order, id: 1 });
  const trial = electron.UtilityProcessDouble.all.at(-1)!;
  expect(electron.asked.at(-1)).toMatchObject({
    what: 'fork',
    args: ['/app/node/probe-process.js', ['webgpu'], { env: { LOG: '1' } }],
  });
  trial.stderr.emit('data', Buffer.from('a card'));
  trial.emit('message', { failure: null });
  await expect
    .poll(() => engine.sent)
    .toEqual([{ type: 'probed', id: 1, report: { failure: null }, how: 'exit code 1', log: 'a card' }]);

  engine.emit('message', { ...order, id: 2 });
  electron.UtilityProcessDouble.all.at(-1)!.emit('exit', 139);
  await expect.poll(() => engine.sent[1]).toMatchObject({ id: 2, report: null, how: 'exit code 139' });
  expect(events).toEqual([]);
});
