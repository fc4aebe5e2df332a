import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { AxeBuilder } from '@axe-core/playwright';
import Papa from 'papaparse';
import sharp from 'sharp';
import { expect, test } from 'vitest';
import { bundledPath } from '../../electron/bundled/bundled-path.ts';
import { download } from '../download.ts';
import { readPdfText } from '../pdf-text.ts';
import type { RunningApp } from '../running-app.ts';

const decoderName = 'Retinopathy, samples';
const grade = 'conclusion.icdr';

const samples = bundledPath('data', 'samples');
const grading = 'B. Disease Grading';

/** A data set is imported, a decoder fitted on it, set beside what the model says, read at three layers, corrected, and filed. */
export function fitting(app: () => RunningApp): void {
  let decoderId = 0;
  let groupId = 0;
  let askedId = 0;
  let imageId = 0;

  const choose = async (list: string, value: number) => {
    const { page } = app();
    await page.getByTestId(list).click();
    await page.locator(`[role="option"][data-value="${value}"]`).click();
  };

  test('a folder in the layout of IDRiD keeps its grades', async () => {
    const { folder, page, visit, workbench } = app();
    const { client } = workbench;
    await client.settings.patch({ tourDone: true, language: 'en' });
    await page.reload();
    const count = await writeIdrid(join(folder, 'IDRiD'));
    expect(count).toBeGreaterThan(20);
    const before = await client.images.count({});
    await visit('/library');
    await page.getByTestId('import').click();
    const [chooser] = await Promise.all([
      page.waitForEvent('filechooser'),
      page.getByTestId('import-folder').click(),
    ]);
    await chooser.setFiles(join(folder, 'IDRiD'));
    await page.getByTestId('start-import').click();
    await expect.poll(() => client.images.count({}), { timeout: 100_000 }).toBe(before + count);
    const [last] = await client.imports.list({ limit: 1 });
    await expect.poll(async () => (await client.imports.get({ id: last!.id })).state).toBe('done');
    const { entries } = await client.imports.get({ id: last!.id });
    expect(entries.map(({ reason }) => reason)).toContain('dataset.recognised');
  });

  test('a fit says beforehand what can be learnt, and runs as a task', async () => {
    const { page, visit, workbench } = app();
    const { client } = workbench;
    const { items } = await client.images.page({ query: { sort: 'name' }, limit: 1000 });
    const graded = items.filter(({ fileName }) => /^IDRiD_\d+\.jpg$/.test(fileName));
    const ids = graded.map(({ id }) => id);
    const samplesOnly = await client.images.page({ query: { sort: 'patient' }, limit: 1000 });
    // One that nobody has described yet.
    imageId = samplesOnly.items.findLast(({ fileName }) => fileName.startsWith('IDRID'))!.id;
    const group = async (name: string, chosen: number[]) => {
      const { id } = await client.groups.create({ name });
      await client.groups.addImages({ id, images: { ids: chosen } });
      return id;
    };
    groupId = await group('Graded', ids);
    const byName = (part: string) => graded.find(({ fileName }) => fileName.includes(part))!.id;
    // Two without retinopathy, two with referable retinopathy.
    askedId = await group('Asked', ['IDRiD_170', 'IDRiD_169', 'IDRiD_306', 'IDRiD_246'].map(byName));
    await visit('/decoders');
    await page.getByTestId('open-fit').click();
    await choose('fit-group', groupId);
    await page.getByTestId('fit-name').fill(decoderName);
    const checkbox = (field: string) => page.getByTestId(`fit-field-${field}`).getByRole('checkbox');
    // Of five grades none has twenty patients among the samples.
    await expect.poll(() => checkbox(grade).isDisabled()).toBe(true);
    await page.getByTestId('fit-min-patients').fill('2');
    await page.keyboard.press('Tab');
    await expect.poll(() => checkbox(grade).isChecked()).toBe(true);
    await page.getByTestId('start-fit').click();
    const card = page.getByTestId('decoder-card').filter({ hasText: decoderName });
    await card.waitFor({ timeout: 800_000 });
    await card.click();
    const decoder = (await client.decoders.list()).find(({ name }) => name === decoderName)!;
    decoderId = decoder.id;
    expect(decoder).toMatchObject({ images: ids.length, source: 'fitted' });
    await page.getByTestId('figure-decoder-curves').locator('canvas, svg').first().waitFor();
  }, 900_000);

  test('what is encoded stands beside what the model says', async () => {
    const { page, workbench } = app();
    const { client } = workbench;
    await page.getByRole('tab').nth(1).click();
    await choose('said-group', askedId);
    await expect
      .poll(() => page.getByTestId('said-coverage').innerText())
      .toContain('not asked yet about 4 of them');
    await page.getByTestId('ask-model').click();
    const measured = async () => {
      const { missing } = await client.decoders.said({ decoderId, images: { filter: { groupId: askedId } } });
      return missing;
    };
    await expect.poll(measured, { timeout: 800_000, interval: 1000 }).toBe(0);
    const row = page.getByTestId('said-referable');
    await expect.poll(() => row.getAttribute('data-verdict'), { timeout: 60_000 }).not.toBe('not-measured');
    await row.getByRole('button').click();
    await page.getByTestId('figure-said-curves').locator('canvas, svg').first().waitFor();
    expect(await page.getByTestId('said-claim').innerText()).toContain('2 of 4 photographs (50%)');
  }, 900_000);

  test('a group is read into a table', async () => {
    const { page } = app();
    await page.getByRole('tab').nth(2).click();
    await expect.poll(() => page.getByTestId('batch-table').locator('tbody tr').count()).toBe(4);
    const table = await download(page.getByTestId('export-batch'), /\.csv$/);
    expect(table.toString()).toContain('conclusion_icdr_certainty');
  });

  test('one photograph is read at three layers, corrected by hand, and filed as PDF', async () => {
    const { page, visit, workbench } = app();
    const { client } = workbench;
    await visit(`/images/${imageId}/decoded`);
    await page.getByTestId('choose-decoder').waitFor();
    await choose('choose-decoder', decoderId);
    await page.getByTestId(`decoded-${grade}`).waitFor({ timeout: 100_000 });
    const { layers } = await client.decoders.apply({ decoderId, imageId });
    await page.evaluate(() => (document.activeElement as HTMLElement | null)?.blur());
    await page.keyboard.press('Home');
    for (const [at, key] of [
      [0, '.'],
      [1, 'End'],
      [layers.length - 1, 'Home'],
    ] as const) {
      for (const language of ['en', 'ru'] as const) {
        const text = page.locator(`[data-testid="protocol-text"] [lang="${language}"]`);
        await expect.poll(() => text.innerText()).toBe(layers[at]!.text[language]);
      }
      await page.keyboard.press(key);
    }
    await page.getByTestId('correct-decoded').click();
    await page.getByTestId('field-disc.size').locator('[data-value="large"]').click();
    await page.getByTestId('protocol-observer').fill('Сидорова');
    await page.getByTestId('protocol-observer').press('Tab');
    await page.getByTestId('save-protocol').click();
    const own = async () =>
      (await client.protocols.list({ imageId })).find(({ observer }) => observer === 'Сидорова');
    await expect.poll(own).toBeDefined();
    const version = await own();
    const { protocol } = await client.protocols.get({ id: version!.id });
    expect(protocol.values).toMatchObject({ 'disc.size': { value: 'large', source: 'manual' } });
    await page.getByTestId('export-protocol').click();
    const pdf = await download(page.getByTestId('protocol-pdf'), /\.pdf$/);
    expect(readPdfText(pdf)).toContain('Сидорова');
  });

  test('a decoder is exported, removed, and imported again', async () => {
    const { page, visit, workbench } = app();
    const { client } = workbench;
    const card = page.getByTestId('decoder-card').filter({ hasText: decoderName });
    await visit('/decoders');
    await card.click();
    const file = await download(page.getByTestId('export-decoder'), /\.safetensors$/);
    await page.getByTestId('remove-decoder').click();
    await page.getByTestId('confirm-remove').click();
    await expect.poll(() => card.count()).toBe(0);
    await page.getByTestId('decoder-file').setInputFiles({
      name: 'retinopathy.safetensors',
      mimeType: 'application/octet-stream',
      buffer: file,
    });
    await card.waitFor();
    expect((await client.decoders.list()).find(({ name }) => name === decoderName)!.source).toBe('imported');
    await page.getByTestId('rename-decoder').click();
    await page.getByTestId('decoder-name').fill('Second name');
    await page.getByTestId('confirm-rename').click();
    await page.getByTestId('decoder-card').filter({ hasText: 'Second name' }).waitFor();
    decoderId = (await client.decoders.list()).find(({ name }) => name === 'Second name')!.id;
  });

  test('axe finds nothing in the dialogs and tables', async () => {
    const { page, visit, workbench } = app();
    const found: string[] = [];
    const look = async (what: string) => {
      await page.waitForTimeout(500);
      const { violations } = await new AxeBuilder({ page }).setLegacyMode(true).analyze();
      found.push(...violations.map(({ id, nodes }) => `${what} ${id} ${nodes[0]!.html.slice(0, 160)}`));
    };
    for (const language of ['ru', 'en'] as const) {
      await workbench.client.settings.patch({ language });
      await page.reload();
      await visit('/decoders');
      await page.getByTestId('decoder-card').filter({ hasText: 'Second name' }).click();
      await page.getByRole('tab').nth(1).click();
      await page.getByTestId('said-table').waitFor();
      await look('said');
      await page.getByRole('tab').nth(2).click();
      await page.getByTestId('batch-table').waitFor();
      await look('batch');
      await page.getByTestId('open-fit').click();
      await page.getByTestId('fit-preview').waitFor();
      await look('fit');
      await page.keyboard.press('Escape');
      await visit(`/images/${imageId}/protocol`);
      await page.getByTestId('protocol-text').waitFor();
      await look('protocol');
      await visit(`/images/${imageId}/drawing`);
      await page.getByTestId('drawing-view').waitFor();
      await look('drawing');
    }
    expect(found).toEqual([]);
  }, 900_000);
}

/** A folder as IDRiD comes: its grades in one table, smaller copies of the samples as its pictures; how many there are. */
async function writeIdrid(root: string): Promise<number> {
  const table = readFileSync(join(samples, 'manifest.csv'), 'utf8');
  const rows = Papa.parse<Record<string, string>>(table, { header: true, skipEmptyLines: true }).data;
  const graded = rows.filter(({ source }) => source === 'IDRiD');
  const lines = ['Image name,Retinopathy grade,Risk of macular edema ,,,'];
  const write = (relative: string, content: string | Buffer) => {
    const file = join(root, grading, relative);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, content);
  };
  for (const { file = '', dr_grade: grade, macular_oedema_risk: risk } of graded) {
    const name = basename(file).replace(/^IDRID-(\d+).*$/, 'IDRiD_$1');
    lines.push(`${name},${grade ?? ''},${risk || '0'},,,`);
    const picture = await sharp(join(samples, file)).resize({ width: 360 }).jpeg().toBuffer();
    write(`1. Original Images/a. Training Set/${name}.jpg`, picture);
  }
  write('2. Groundtruths/a. IDRiD_Disease Grading_Training Labels.csv', `${lines.join('\r\n')}\r\n`);
  return graded.length;
}
