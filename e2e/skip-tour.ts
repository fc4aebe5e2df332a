import type { RunningApp } from './running-app.ts';

/** Closes the tour where nobody has closed it yet, so that a scenario can run alone, and goes back to English after the others. */
export async function skipTour({ page, workbench }: RunningApp): Promise<void> {
  const { tourDone, language } = await workbench.client.settings.get();
  if (language !== 'en') {
    await workbench.client.settings.patch({ language: 'en' });
    await page.reload();
    await page.getByTestId('nav-library').waitFor();
  }
  if (tourDone) return;
  await page.getByTestId('tour-leave').click();
  await page.getByTestId('tour').waitFor({ state: 'detached' });
}
