import { existsSync } from 'node:fs';
import chromiumPackage from '@sparticuz/chromium';
import { chromium } from 'playwright-core';
import type { Browser } from 'playwright-core';

/** The Chromium of this computer: the one named, the system's, or the npm package's. */
export async function findChromium(): Promise<string> {
  const named = process.env['CHROMIUM_PATH'];
  if (named !== undefined && named !== '') return named;
  if (existsSync('/usr/bin/chromium')) return '/usr/bin/chromium';
  return chromiumPackage.executablePath();
}

/** Starts it without a window. It has a sandbox of its own unless we are root, where Chromium refuses to make one. */
export async function launchChromium(): Promise<Browser> {
  const isRoot = process.getuid?.() === 0;
  return chromium.launch({
    executablePath: await findChromium(),
    headless: true,
    args: [...(isRoot ? ['--no-sandbox'] : []), '--disable-dev-shm-usage', '--font-render-hinting=none'],
  });
}
