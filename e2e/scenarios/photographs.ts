import { AxeBuilder } from '@axe-core/playwright';
import { expect, test } from 'vitest';
import type { RunningApp } from '../running-app.ts';

/** A photograph is looked at before any trace, alone and beside another. */
export function photographs(app: () => RunningApp): void {
  test('a photograph opens at full size with one key, and only its display changes', async () => {
    const { page, visit, workbench } = app();
    // Alone, this scenario meets the tour, which has all keys for itself.
    await workbench.client.settings.patch({ tourDone: true });
    await page.reload();
    await visit('/library');
    await page.getByTestId('image-cell').first().click();
    await page.getByTestId('open-photograph').waitFor();
    await page.keyboard.press('v');
    await page.getByTestId('photograph-view').waitFor();
    const viewer = page.locator('[data-testid="image-viewer"][data-state="ready"]');
    await viewer.waitFor();
    expect(app().requests.some((url) => url.includes('/original-png'))).toBe(true);
    const filter = () => viewer.locator('.openseadragon-canvas canvas').first().evaluate(filterOfElement);
    expect(await filter()).toBe('none');
    await page.keyboard.press('g');
    await expect.poll(filter).toMatch(/^url\(.*-green"?\)$/);
    await page.keyboard.press('i');
    await expect.poll(filter).toMatch(/-green"?\) invert\(1\)$/);
    await page.keyboard.press('r');
    await expect.poll(filter).toBe('none');
    const pixels = () => viewer.locator('.openseadragon-canvas canvas').first().evaluate(spreadOfCanvas);
    const before = await pixels();
    await page.keyboard.press('k');
    await page.getByTestId('equalized').filter({ hasText: '8 × 8' }).waitFor();
    await expect.poll(async () => (await pixels()) / before).toBeGreaterThan(1.05);
    await page.getByTestId('channel').click();
    await page.getByRole('option').last().click();
    await expect.poll(filter).toMatch(/-blue"?\)$/);
    await page.getByTestId('equalized').waitFor();
    await page.keyboard.press('z');
    const { violations } = await new AxeBuilder({ page }).analyze();
    expect(violations).toEqual([]);
    await page.keyboard.press('Escape');
    await page.getByTestId('library-view').waitFor();
  });

  test('two stand side by side and are zoomed together', async () => {
    const { page, visit, workbench } = app();
    const [one, two] = await workbench.client.images.ids({ query: { sort: 'patient' } });
    await visit(`/images/${one!}?with=${two!}`);
    const viewers = page.locator('[data-testid="image-viewer"][data-state="ready"]');
    await expect.poll(() => viewers.count()).toBe(2);
    const { violations } = await new AxeBuilder({ page }).analyze();
    expect(violations).toEqual([]);
    await page.getByTestId('beside').click();
    await page.getByRole('option').first().click();
    await expect.poll(() => viewers.count()).toBe(1);
  });

  test('a photograph that is not there is said, with the way back', async () => {
    const { page, visit } = app();
    await visit('/images/999999');
    await page
      .getByRole('link', { name: /Images|Library|Снимки/ })
      .first()
      .waitFor();
    await expect.poll(() => page.getByTestId('photograph-view').count()).toBe(0);
    await visit('/library');
    await page.getByTestId('library-view').waitFor();
  });
}

function filterOfElement(element: Element): string {
  return getComputedStyle(element).filter;
}

/** How far apart neighbouring pixels are; local contrast raises it. */
function spreadOfCanvas(element: Element): number {
  const canvas = element as HTMLCanvasElement;
  const { data } = canvas.getContext('2d')!.getImageData(0, 0, canvas.width, canvas.height);
  let sum = 0;
  for (let at = 4; at < data.length; at += 4) sum += Math.abs(data[at + 1]! - data[at - 3]!);
  return sum;
}
