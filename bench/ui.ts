import { fileURLToPath } from 'node:url';
import type { Page } from 'playwright-core';
import { startApp } from '../e2e/running-app.ts';
import { fillLargeLibrary } from './fixtures/large-library.ts';
import { median } from './median.ts';

/** `node bench/ui.ts`: what a person feels, measured in Chromium on a library of 100,000 images. */
const images = Number(process.argv[2] ?? 100_000);
const photograph = fileURLToPath(new URL('../data/samples/real/retina.jpg', import.meta.url));

let traceId = 0;
const app = await startApp({
  samples: false,
  prepare: async (libraryFolder) => {
    traceId = await fillLargeLibrary(libraryFolder, images, photograph);
  },
});
try {
  await app.workbench.client.settings.patch({ tourDone: true });
  await app.page.reload();
  await app.page.locator('[data-testid="image-cell"][data-image-id]').first().waitFor({ timeout: 60_000 });
  const blank = await dragToTheEnd(app.page);
  const filtering = await filterQuickly(app.page);
  await app.visit(`/trace/${traceId}`);
  await app.page.getByTestId('overlay-canvas').waitFor({ timeout: 60_000 });
  await app.page.waitForTimeout(1500);
  const scrubbing = await scrub(app.page);
  report(`scroll ${images} images top to bottom in 5 s: longest time without any image`, blank, 150);
  report('filter: longest task of the page while typing and filtering', filtering, 50);
  report('scrub 888 × 28: from input to painted frame, median', median(scrubbing), 32);
  report('scrub 888 × 28: worst', Math.max(...scrubbing), null);
} finally {
  await app.close();
}

function report(what: string, milliseconds: number, limit: number | null): void {
  const verdict =
    limit === null ? '' : milliseconds <= limit ? `(at most ${limit}: kept)` : `(at most ${limit}: NOT kept)`;
  process.stdout.write(`${what}: ${milliseconds.toFixed(1)} ms ${verdict}\n`);
}

/** Moves the scrollbar frame by frame as a hand does; longest time in which no cell in view had its image's data. */
function dragToTheEnd(page: Page): Promise<number> {
  return page.getByTestId('image-grid').evaluate(async (grid) => {
    const frame = () => new Promise<number>((resolve) => requestAnimationFrame(resolve));
    const duration = 5000;
    const end = grid.scrollHeight - grid.clientHeight;
    const start = await frame();
    let blankSince: number | null = null;
    let longest = 0;
    for (let now = start; now - start < duration + 1000; now = await frame()) {
      grid.scrollTop = end * Math.min(1, (now - start) / duration);
      const view = grid.getBoundingClientRect();
      const isFilled = [...grid.querySelectorAll('[data-image-id]')].some((cell) => {
        const box = cell.getBoundingClientRect();
        return box.bottom > view.top && box.top < view.bottom;
      });
      if (isFilled) blankSince = null;
      else longest = Math.max(longest, now - (blankSince ??= now));
    }
    return longest;
  });
}

/** Types into the search and opens filters; milliseconds of the longest task of the page's own thread. */
async function filterQuickly(page: Page): Promise<number> {
  await page.evaluate(() => {
    const longest = { value: 0 };
    Object.assign(window, { longestTask: longest });
    new PerformanceObserver((list) => {
      for (const { duration } of list.getEntries()) longest.value = Math.max(longest.value, duration);
    }).observe({ type: 'longtask' });
  });
  const search = page.getByTestId('search');
  for (const words of ['P12', 'сетчатка', 'повторить', 'drusen', '']) {
    await search.fill('');
    await search.pressSequentially(words, { delay: 60 });
    await page.waitForTimeout(700);
  }
  return page.evaluate(() => (window as unknown as { longestTask: { value: number } }).longestTask.value);
}

/** Moves the layer scrubber twice through all layers; milliseconds from each input to its painted frame. */
function scrub(page: Page): Promise<number[]> {
  return page.getByTestId('layer-range').evaluate(async (element) => {
    const range = element as HTMLInputElement;
    const painted = () =>
      new Promise<number>((resolve) => {
        requestAnimationFrame(() => {
          const { port1, port2 } = new MessageChannel();
          port1.onmessage = () => resolve(performance.now());
          port2.postMessage(null);
        });
      });
    const times: number[] = [];
    for (let step = 0; step < 58; step++) {
      await new Promise((resolve) => setTimeout(resolve, 60));
      const before = performance.now();
      range.value = String(step % 29);
      range.dispatchEvent(new Event('input', { bubbles: true }));
      times.push((await painted()) - before);
    }
    return times;
  });
}
