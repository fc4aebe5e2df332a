import { findChromium } from './chromium.ts';

/** Before any test: the npm package's Chromium is unpacked once, and not by two test files at the same time. */
export default async function unpackChromium(): Promise<void> {
  await findChromium();
}
