import { readFileSync } from 'node:fs';
import type { Locator } from 'playwright-core';
import { expect } from 'vitest';

/** Does something, by default a click, and gives back what was downloaded. */
export async function download(
  target: Locator,
  name: RegExp,
  act: () => Promise<void> = () => target.click(),
): Promise<Buffer> {
  const [file] = await Promise.all([target.page().waitForEvent('download', { timeout: 120_000 }), act()]);
  expect(file.suggestedFilename()).toMatch(name);
  return readFileSync(await file.path());
}
