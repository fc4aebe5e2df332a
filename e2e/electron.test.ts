import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { _electron } from 'playwright-core';
import { describe, expect, test } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));

/** Path of the Electron runtime when it is installed; asking the package itself would begin a download. */
function findRuntime(): string | null {
  const folder = dirname(createRequire(import.meta.url).resolve('electron/package.json'));
  const pathFile = join(folder, 'path.txt');
  if (!existsSync(pathFile)) return null;
  const path = join(folder, 'dist', readFileSync(pathFile, 'utf8'));
  return existsSync(path) ? path : null;
}

const runtime = findRuntime();
const built = join(root, 'out', 'main', 'main.cjs');
const missing = runtime === null ? 'the Electron runtime is not installed' : `${built} is not built`;
const canRun = runtime !== null && existsSync(built);

describe(canRun ? 'the desktop window' : `the desktop window (skipped: ${missing})`, () => {
  test.skipIf(!canRun)('opens the library, safely, and answers calls', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'fundus-lens-electron-'));
    const app = await _electron.launch({
      executablePath: runtime ?? '',
      args: [built, `--user-data-dir=${join(folder, 'profile')}`],
      env: { ...process.env, XDG_DATA_HOME: folder, XDG_CACHE_HOME: folder },
    });
    try {
      const page = await app.firstWindow();
      await page.getByTestId('library-view').waitFor({ timeout: 30_000 });
      expect(page.url()).toMatch(/^app:\/\/fundus-lens\//);
      expect(
        await page.evaluate(() => ['require', 'process', 'module'].filter((name) => name in globalThis)),
      ).toEqual([]);
      expect(
        await page.evaluate(() => Object.keys((globalThis as unknown as { fundusLens: object }).fundusLens)),
      ).toEqual(['connect', 'pathOfFile']);
    } finally {
      await app.close();
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
