import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { beforeAll, expect, test } from 'vitest';
import type { RunningApp } from '../running-app.ts';
import { skipTour } from '../skip-tour.ts';

/** Patients, visits and eyes come in as the folders have them, and are put right afterwards. */
export function patients(app: () => RunningApp): void {
  beforeAll(() => skipTour(app()));
  const patient = async (code: string) => {
    const { client } = app().workbench;
    const { items } = await client.patients.list({ limit: 1000 });
    const found = items.find((candidate) => candidate.code === code);
    return found === undefined ? null : client.patients.get({ id: found.id });
  };

  test('a folder of patient/date/eye.jpg keeps patients, visits and eyes', async () => {
    const { folder, page, visit, workbench } = app();
    const archive = join(folder, 'Архив');
    await writeArchive(archive);
    await visit('/library');
    await page.getByTestId('import').click();
    const [chooser] = await Promise.all([
      page.waitForEvent('filechooser'),
      page.getByTestId('import-folder').click(),
    ]);
    await chooser.setFiles(archive);
    await page.getByTestId('import-preview').waitFor();
    expect(await page.getByTestId('preview-summary').innerText()).toMatch(
      /^8 photographs → 2 patients, 4 visits · OD 4 · OS 4$/,
    );
    await page.getByTestId('start-import').click();
    await expect.poll(async () => (await patient('К-2'))?.visits.length).toBe(2);
    for (const code of ['К-1', 'К-2']) {
      const { visits, patient: found } = (await patient(code))!;
      expect(visits.map(({ date, imageCount }) => [date, imageCount])).toEqual([
        ['2023-01-15', 2],
        ['2024-02-29', 2],
      ]);
      const query = { filter: { patientId: found.id } };
      const { items } = await workbench.client.images.page({ query, limit: 10 });
      expect(items.map(({ laterality }) => laterality).sort()).toEqual(['L', 'L', 'R', 'R']);
    }
  });

  test('the meaning of a folder level is corrected before anything is taken in', async () => {
    const { folder, page, workbench } = app();
    const before = await workbench.client.images.count({});
    await page.getByTestId('import').click();
    const [chooser] = await Promise.all([
      page.waitForEvent('filechooser'),
      page.getByTestId('import-folder').click(),
    ]);
    await chooser.setFiles(join(folder, 'Архив'));
    await page.getByTestId('level-1').locator('[data-value="*"]').click();
    await page.getByTestId('preview-without-patient').waitFor();
    expect(await page.getByTestId('preview-summary').innerText()).toContain('0 patients, 0 visits');
    await page.keyboard.press('Escape');
    await page.getByTestId('import-preview').waitFor({ state: 'detached' });
    expect(await workbench.client.images.count({})).toBe(before);
  });

  test('name, sex and year of birth are shown and changed, and undo takes the change back', async () => {
    const { page, visit, workbench } = app();
    const { patient: found } = (await patient('К-1'))!;
    await visit('/library');
    await page.getByTestId('patient').filter({ hasText: 'К-1' }).click();
    await page.getByTestId('image-cell').first().click();
    await page.getByTestId('edit-patient-facts').click();
    await page.getByTestId('patient-code').fill('К-01');
    await page.getByTestId('patient-name').fill('Петрова Мария');
    await page.getByTestId('patient-birth-year').fill('58');
    await page.getByText('The year of birth is a number').waitFor();
    expect(await page.getByTestId('save-patient').isDisabled()).toBe(true);
    await page.getByTestId('patient-birth-year').fill('1958');
    await page.getByTestId('save-patient').click();
    await expect.poll(() => page.getByTestId('patient-facts').innerText()).toBe('Петрова Мария · born 1958');
    await workbench.client.images.undo();
    expect((await workbench.client.patients.get({ id: found.id })).patient).toEqual(found);
  });

  test('two codes of one person are merged, and undo parts them again', async () => {
    const { page, workbench } = app();
    const [first, second] = [(await patient('К-1'))!, (await patient('К-2'))!];
    await page.getByTestId('image-cell').first().click();
    await page.getByTestId('edit-patient-facts').click();
    await page.getByTestId('merge-into').click();
    await page.getByRole('option', { name: 'К-2' }).click();
    await page.getByTestId('merge-patients').click();
    await expect.poll(() => patient('К-1')).toBeNull();
    const merged = (await patient('К-2'))!;
    expect(merged.visits.map(({ date, imageCount }) => [date, imageCount])).toEqual([
      ['2023-01-15', 4],
      ['2024-02-29', 4],
    ]);
    await workbench.client.images.undo();
    expect(await patient('К-1')).toEqual(first);
    expect(await patient('К-2')).toEqual(second);
    await visitAll();
  });

  const visitAll = async () => {
    await app()
      .page.getByRole('button', { name: /^All images/ })
      .click();
  };
}

/** Two patients, two days, two eyes; every picture another. */
async function writeArchive(folder: string): Promise<void> {
  let shade = 20;
  for (const code of ['К-1', 'К-2']) {
    for (const day of ['2023-01-15', '2024-02-29']) {
      mkdirSync(join(folder, code, day), { recursive: true });
      for (const eye of ['OD', 'OS']) {
        shade += 20;
        const create = {
          width: 64,
          height: 64,
          channels: 3,
          background: { r: shade, g: 40, b: 20 },
        } as const;
        writeFileSync(join(folder, code, day, `${eye}.jpg`), await sharp({ create }).jpeg().toBuffer());
      }
    }
  }
}
