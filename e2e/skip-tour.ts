import type { RunningApp } from './running-app.ts';

/** Closes the tour where nobody has closed it yet, so that a scenario can run alone. */
export async function skipTour({ page, workbench }: RunningApp): Promise<void> {
  const { tourDone } = await workbench.client.settings.get();
  if (tourDone) return;
  await page.getByTestId('tour-skip').click();
  await page.getByTestId('tour').waitFor({ state: 'detached' });
}
