import { beforeAll, expect, test } from 'vitest';
import type { RunningApp } from '../running-app.ts';
import { skipTour } from '../skip-tour.ts';
import { tracedPhotographs } from '../traced-photographs.ts';

/** Colours on compared photographs mean the same, or say that they do not. */
export function comparing(app: () => RunningApp): void {
  beforeAll(() => skipTour(app()));

  const open = async () => {
    const { page, visit } = app();
    const [first, second] = await tracedPhotographs(app());
    await visit(`/compare?traces=${first!.id},${second!.id}`);
    await page.getByTestId('compare-photo').nth(1).waitFor();
    return page;
  };
  const choose = async (testid: string, value: string) => {
    await app().page.getByTestId(testid).locator(`[data-value="${value}"]`).click();
  };

  test('compared photographs share one colour scale, whose legend is shown', async () => {
    const page = await open();
    await choose('compare-overlay', 'concept');
    const shared = page.getByTestId('shared-legend');
    expect(await shared.innerText()).toMatch(/One scale for all photographs:\s+0%\s+[\d.]+(%|·10)/);
    expect(await page.getByTestId('overlay-legend').count()).toBe(1);
    await choose('compare-scale', 'own');
    await shared.waitFor({ state: 'detached' });
    expect(await page.getByTestId('own-scales').innerText()).toContain('own scale');
    const legends = await page.getByTestId('overlay-legend').allInnerTexts();
    expect(new Set(legends).size).toBe(2);
    await choose('compare-scale', 'shared');
    await shared.waitFor();
  });

  test('each compared photograph says what its colours show', async () => {
    const page = await open();
    const shows = page.getByTestId('overlay-shows');
    await choose('compare-overlay', 'concept');
    await expect.poll(() => shows.nth(1).innerText()).toMatch(/^Concept “.+”, probability/);
    await choose('compare-overlay', 'top-token');
    await expect.poll(() => shows.nth(1).innerText()).toBe('Probability of the first token');
    await choose('compare-overlay', 'off');
    await expect.poll(() => shows.count()).toBe(0);
  });

  test('the difference to the first lies on the second photograph, and on it alone', async () => {
    const page = await open();
    await choose('compare-overlay', 'difference');
    const shows = page.getByTestId('overlay-shows');
    await expect.poll(() => shows.first().innerText()).toMatch(/^Reference/);
    await expect.poll(() => shows.nth(1).innerText()).toMatch(/probability minus that of A/);
    await expect
      .poll(() => page.getByTestId('shared-legend').innerText())
      .toMatch(/-[\d.]+ pp\s+\+[\d.]+ pp/);
    const painted = () =>
      page.getByTestId('overlay-canvas').evaluateAll((canvases) =>
        canvases.map((element) => {
          const { width, height } = element as HTMLCanvasElement;
          const { data } = (element as HTMLCanvasElement).getContext('2d')!.getImageData(0, 0, width, height);
          return data.some((value) => value > 0);
        }),
      );
    await expect.poll(painted).toEqual([false, true]);
    await choose('compare-overlay', 'concept');
  });
}
