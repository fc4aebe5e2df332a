import { fileURLToPath } from 'node:url';
import type { Page } from 'playwright-core';
import { startApp } from '../e2e/running-app.ts';
import { overlayModes } from '../electron/engine/lens-trace/overlay/overlay-series.ts';
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
  const order = await app.workbench.client.images.ids({ query: { sort: 'patient' } });
  for (const state of ['right after the start', 'once more']) {
    const { blank, lag } = await dragToTheEnd(app.page, order);
    const what = `scroll ${images} images top to bottom in 5 s, ${state}`;
    report(`${what}: longest time in which any cell in view lacked its own data`, blank, 150);
    report(`${what}: longest time that the cells were behind the scrollbar`, lag, 150);
    await app.page.getByTestId('image-grid').evaluate((grid) => grid.scrollTo({ top: 0 }));
    await app.page.waitForTimeout(3000);
  }
  report('filter: longest task of the page while typing and filtering', await filterQuickly(app.page), 50);
  await app.visit(`/trace/${traceId}`);
  await app.page.getByTestId('overlay-canvas').waitFor({ timeout: 60_000 });
  await app.page.waitForTimeout(1500);
  for (const mode of ['concept', 'top-token'] as const) {
    const index = overlayModes.indexOf(mode);
    await app.page.getByTestId('overlay-controls').getByRole('radio').nth(index).click();
    for (const zoom of ['whole', 'enlarged'] as const) {
      await app.page.keyboard.press('r');
      for (let step = 0; step < (zoom === 'enlarged' ? 4 : 0); step++) await app.page.keyboard.press('+');
      await app.page.waitForTimeout(800);
      const times = await scrub(app.page);
      const what = `scrub 888 × 28, ${mode}, photograph ${zoom}`;
      report(`${what}: from input to painted frame, median`, median(times), 32);
      report(`${what}: worst`, Math.max(...times), null);
    }
  }
} finally {
  await app.close();
}

function report(what: string, milliseconds: number, limit: number | null): void {
  const verdict =
    limit === null ? '' : milliseconds <= limit ? `(at most ${limit}: kept)` : `(at most ${limit}: NOT kept)`;
  process.stdout.write(`${what}: ${milliseconds.toFixed(1)} ms ${verdict}\n`);
}

/**
 * Moves the scrollbar frame by frame as a hand does. Just before each frame is painted: does every cell in view show
 * its own image (the one that the query has at its place), is the view covered, and which position was it drawn for?
 */
function dragToTheEnd(page: Page, order: readonly number[]): Promise<{ blank: number; lag: number }> {
  return page.getByTestId('image-grid').evaluate(async (grid, ids) => {
    const frame = () => new Promise<number>((resolve) => requestAnimationFrame(resolve));
    const duration = 5000;
    const end = grid.scrollHeight - grid.clientHeight;
    const [cell] = grid.querySelectorAll('[role="option"]');
    const { width, height } = cell!.getBoundingClientRect();
    const columns = Math.round(grid.querySelector('.line')!.getBoundingClientRect().width / width);
    const isRight = () => {
      const view = grid.getBoundingClientRect();
      let covered = 0;
      for (const option of grid.querySelectorAll<HTMLElement>('[role="option"]')) {
        const box = option.getBoundingClientRect();
        const seen = Math.min(box.bottom, view.bottom) - Math.max(box.top, view.top);
        if (seen <= 1) continue;
        const place = Number(option.getAttribute('aria-posinset')) - 1;
        const name = option.querySelector('.code')?.textContent ?? '';
        if (option.dataset['imageId'] !== String(ids[place]) || name === '') return false;
        covered += seen * box.width;
      }
      // The last row may be short.
      return covered >= 0.98 * view.height * width * columns - height * width * columns;
    };
    const shownTop = () => {
      const view = grid.getBoundingClientRect();
      const first = [...grid.querySelectorAll('[role="option"]')].find(
        (option) => option.getBoundingClientRect().bottom > view.top + 1,
      );
      if (first === undefined) return 0;
      const row = (Number(first.getAttribute('aria-posinset')) - 1) / columns;
      return row * height + (view.top - first.getBoundingClientRect().top);
    };
    const start = await frame();
    /** Positions that nothing was drawn for yet. */
    const set: { top: number; at: number }[] = [];
    let blankSince: number | null = null;
    let blank = 0;
    let lag = 0;
    for (let now = start; now - start < duration + 1000; now = await frame()) {
      // Scroll events are told before this; what is drawn now answers an earlier position.
      if (isRight()) blankSince = null;
      else blank = Math.max(blank, performance.now() - (blankSince ??= now));
      const top = shownTop();
      while (set.length > 0 && set[0]!.top <= top + height)
        lag = Math.max(lag, performance.now() - set.shift()!.at);
      const next = end * Math.min(1, (now - start) / duration);
      if (next !== grid.scrollTop) set.push({ top: next, at: performance.now() });
      grid.scrollTop = next;
    }
    return { blank, lag };
  }, order);
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
