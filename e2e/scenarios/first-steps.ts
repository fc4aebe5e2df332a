import { copyFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import type { RunningApp } from '../running-app.ts';

const fixtureImage = fileURLToPath(new URL('../../data/fixtures/images/photo-301x257.png', import.meta.url));

/** A person's first minutes: the tour, the sample patient by one click, own files by drag and drop. */
export function firstSteps(app: () => RunningApp): void {
  test('the tour has three steps and can be skipped for good', async () => {
    const { page } = app();
    await page.getByTestId('tour').waitFor();
    await page.getByTestId('tour-next').click();
    await page.getByTestId('tour-next').click();
    expect(await page.getByTestId('tour-finish').isVisible()).toBe(true);
    await page.getByTestId('tour-leave').click();
    await page.getByTestId('tour').waitFor({ state: 'detached' });
    await page.reload();
    await page.getByTestId('image-cell').first().waitFor();
    expect(await page.getByTestId('tour').count()).toBe(0);
  });

  test('one click traces the sample patient and shows it', async () => {
    const { page } = app();
    await page.getByTestId('trace-sample').click();
    await page.getByTestId('trace-view').waitFor({ timeout: 150_000 });
    await page.getByTestId('overlay-canvas').waitFor();
    expect(await page.getByTestId('generated-answer').count()).toBeLessThanOrEqual(1);
    expect(await page.getByTestId('top-tokens').innerText()).not.toBe('');
  });

  test('files are imported by drag and drop, and a bad one is told', async () => {
    const { folder, page, visit, workbench } = app();
    const before = await workbench.client.images.count({});
    const good = join(folder, 'Пациент OD.png');
    const bad = join(folder, 'broken.jpg');
    copyFileSync(fixtureImage, good);
    writeFileSync(bad, Buffer.from([0xff, 0xd8, 0xff, 0xe0, 0, 16]));
    await visit('/library');
    await page.getByTestId('library-view').waitFor();
    await dropFiles(app(), [good, bad]);
    await page.getByTestId('import-report').waitFor();
    const report = await page.getByTestId('import-report').innerText();
    expect(report).toContain('Пациент OD.png');
    expect(report).toContain('broken.jpg');
    await page.getByRole('dialog').getByRole('button', { name: 'Close' }).last().click();
    await page.getByTestId('import-report').waitFor({ state: 'detached' });
    expect(await workbench.client.images.count({})).toBe(before + 1);
    await expect.poll(() => page.getByTestId('image-count').innerText()).toContain(String(before + 1));
  });

  test('an upload that is cancelled leaves nothing', async () => {
    const { folder, page, workbench } = app();
    const before = await workbench.client.images.count({});
    const late = join(folder, 'Late OS.png');
    copyFileSync(fixtureImage, late);
    // The file never arrives: whoever waits has nothing but the button.
    await page.route('**/uploads/*/**', () => undefined);
    await dropFiles(app(), [late]);
    await page.getByTestId('cancel-upload').click();
    // Once as a message, once for those who hear it.
    await page.getByText('The upload was cancelled; nothing of it was imported.').first().waitFor();
    await page.getByTestId('cancel-upload').waitFor({ state: 'detached' });
    await page.unroute('**/uploads/*/**');
    expect(await workbench.client.images.count({})).toBe(before);
    // The folder of all uploads stays, and is empty.
    await expect.poll(() => readdirSync(join(folder, 'temporary'), { recursive: true })).toHaveLength(1);
  });
}

/** Drops files of the disk as the system does, and not as a script of the page could. */
async function dropFiles({ context, page }: RunningApp, files: string[]): Promise<void> {
  const session = await context.newCDPSession(page);
  const data = { items: [], files, dragOperationsMask: 1 };
  for (const type of ['dragEnter', 'dragOver', 'drop'] as const) {
    await session.send('Input.dispatchDragEvent', { type, x: 700, y: 500, data });
  }
  await session.detach();
}
