import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startScreen } from './electron/screen.ts';
import { startWindow } from './electron/window.ts';

/**
 * `npm run smoke:window`: starts the packaged desktop of this system out of `out/desktop` as somebody does who has just installed it, traces the
 * sample with two clicks, and takes a picture. Chromium's sandbox stays on: on Linux, `chrome-sandbox` belongs to root with mode 4755.
 *
 * Playwright's way into Electron needs `--inspect`, which a fuse of the package forbids.
 */
const packages = fileURLToPath(new URL('../out/desktop', import.meta.url));
const pictures = fileURLToPath(new URL('../out/check-electron', import.meta.url));
const home = mkdtempSync(join(tmpdir(), 'fundus-lens-smoke-'));
const screen = await startScreen();
try {
  mkdirSync(pictures, { recursive: true });
  const window = await startWindow({ program: findProgram(), account: null, home, display: screen.display });
  const seen = (testId: string) => `document.querySelector('[data-testid="${testId}"]') !== null`;
  try {
    for (const step of ['tour-skip', 'trace-sample']) {
      await window.waitFor(seen(step));
      await window.evaluate(`document.querySelector('[data-testid="${step}"]').click()`);
    }
    await window.waitFor(
      `${seen('overlay-canvas')} && document.querySelector('[data-testid="top-tokens"]')?.innerText`,
      900_000,
    );
    const version = String(await window.evaluate('navigator.userAgent.match(/Electron[^ ]+/)?.[0]'));
    process.stdout.write(`ok  the packaged desktop traces the sample in its window, ${version}\n`);
  } finally {
    await window.takePicture(join(pictures, `smoke-${process.platform}-${process.arch}.png`));
    await window.close();
  }
} finally {
  screen.stop();
  rmSync(home, { recursive: true, force: true, maxRetries: 5 });
}

/** The program where electron-builder leaves it, whatever the architecture. */
function findProgram(): string {
  const inside = {
    linux: ['fundus-lens'],
    win32: ['Fundus Lens.exe'],
    darwin: ['Fundus Lens.app', 'Contents', 'MacOS', 'Fundus Lens'],
  }[process.platform as 'linux' | 'win32' | 'darwin'];
  const found = (existsSync(packages) ? readdirSync(packages) : [])
    .map((folder) => join(packages, folder, ...inside))
    .find((program) => existsSync(program));
  if (found === undefined)
    throw new Error(`No packaged desktop lies in ${packages}: run \`npm run package\` first.`);
  return found;
}
