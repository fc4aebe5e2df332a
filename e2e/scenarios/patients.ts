import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { beforeAll, expect, test } from 'vitest';
import type { RunningApp } from '../running-app.ts';
import { AxeBuilder } from '@axe-core/playwright';
import { download } from '../download.ts';
import { readPdfText } from '../pdf-text.ts';
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

  test('one patient over time: pairs and series by key, a visit parted and taken back, one report', async () => {
    const { page, visit, workbench } = app();
    const before = (await patient('К-1'))!;
    await visit(`/patients/${before.patient.id}`);
    await page.getByTestId('patient-view').waitFor();
    const rows = page.getByTestId('visit-row');
    await expect.poll(() => rows.count()).toBe(2);
    expect(await page.getByTestId('patient-photograph').count()).toBe(4);
    const { violations } = await new AxeBuilder({ page }).analyze();
    expect(violations).toEqual([]);
    const viewers = page.locator('[data-testid="image-viewer"][data-state="ready"]');
    for (const key of ['p', 'q']) {
      await page.keyboard.press(key);
      await expect.poll(() => viewers.count()).toBe(2);
      await page.keyboard.press('p');
      await page.getByTestId('patient-view').waitFor();
    }
    await page.getByTestId('open-split').click();
    await page.getByTestId('split-visit').first().click();
    await page.getByTestId('split-to').fill('К-9');
    await page.getByTestId('split-patient').click();
    await expect.poll(() => rows.count()).toBe(1);
    expect((await patient('К-9'))!.visits.map(({ date, imageCount }) => [date, imageCount])).toEqual([
      ['2023-01-15', 2],
    ]);
    await workbench.client.images.undo();
    await expect.poll(() => rows.count()).toBe(2);
    expect(await patient('К-9')).toBeNull();
    expect(await patient('К-1')).toEqual(before);
    const pdf = readPdfText(await download(page.getByTestId('patient-report'), /^patient-\d+\.pdf$/));
    expect(pdf).toContain('К-1');
    expect(pdf).toContain('OD.jpg');
  });

  test('many photographs are given a visit at once, and undo takes it back', async () => {
    const { page, visit, workbench } = app();
    const before = (await patient('К-2'))!;
    await visit('/library');
    await page.getByTestId('patient').filter({ hasText: 'К-2' }).click();
    await page.getByTestId('image-cell').first().click();
    await page.keyboard.press('Control+a');
    const field = page.getByTestId('selection-visit');
    await field.focus();
    await field.fill('2025-03-04');
    await field.press('Enter');
    const counts = async () =>
      (await patient('К-2'))!.visits
        .filter(({ imageCount }) => imageCount > 0)
        .map(({ date, imageCount }) => [date, imageCount]);
    await expect.poll(counts).toEqual([['2025-03-04', 4]]);
    await workbench.client.images.undo();
    expect((await patient('К-2'))!.visits.filter(({ imageCount }) => imageCount > 0)).toEqual(before.visits);
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
