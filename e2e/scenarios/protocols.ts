import { AxeBuilder } from '@axe-core/playwright';
import { expect, test } from 'vitest';
import { download } from '../download.ts';
import { readPdfText } from '../pdf-text.ts';
import type { RunningApp } from '../running-app.ts';

/** A photograph is described: by keys, in both languages, in versions, and as files. */
export function protocols(app: () => RunningApp): void {
  test('a protocol is entered and read in both languages', async () => {
    const { page, visit, workbench } = app();
    // Alone, this scenario meets the tour, which has all keys for itself.
    await workbench.client.settings.patch({ tourDone: true });
    await page.reload();
    const [id] = await workbench.client.images.ids({ query: { sort: 'patient' } });
    await visit('/library');
    await page.getByTestId('image-cell').first().waitFor();
    await visit(`/images/${id!}/protocol`);
    await page.getByTestId('protocol-view').waitFor();
    const text = (language: 'en' | 'ru') =>
      expect.poll(() => page.locator(`[data-testid="protocol-text"] [lang="${language}"]`).innerText());
    await page.keyboard.press(']');
    await expect.poll(() => focusIn(app())).toMatchObject({ group: 'header', field: 'field-header.eye' });
    await page.keyboard.press(']');
    await expect.poll(() => focusIn(app())).toMatchObject({ group: 'disc', field: 'field-disc.colour' });
    await page.keyboard.press('5');
    await text('en').toMatch(/hyperaemic/i);
    await text('ru').toMatch(/гиперемирован/);
    await page.keyboard.press('ArrowLeft');
    await text('en').toMatch(/grey/i);
    await page.keyboard.press('ArrowDown');
    await expect.poll(() => focusIn(app())).toMatchObject({ field: 'field-disc.uniformity' });
    await page.keyboard.press('ArrowUp');
    await page.keyboard.press('0');
    await text('en').toMatch(/optic disc.*not assessed/i);
    await text('en').not.toMatch(/pale pink/i);
    await page.keyboard.press('e');
    await text('en').toMatch(/pale pink/i);
    await text('ru').toMatch(/бледно-розов/);
    await page.keyboard.press('Control+z');
    await text('en').not.toMatch(/pale pink/i);
    await page.getByTestId('normal-disc').click();
    const ratio = page.getByTestId('field-disc.cup-disc-ratio').locator('input');
    await ratio.fill('3');
    await ratio.press('Enter');
    expect(await ratio.getAttribute('aria-invalid')).toBe('true');
    expect(await focusIn(app())).toMatchObject({ field: 'field-disc.cup-disc-ratio' });
    await ratio.fill('0,4');
    await ratio.press('Enter');
    await expect.poll(() => focusIn(app())).toMatchObject({ field: 'field-disc.vascular-trunk' });
    await text('en').toContain('0.4');
    await text('ru').toContain('0,4');
    await page.keyboard.press('PageDown');
    await expect.poll(() => focusIn(app())).toMatchObject({ group: 'arteries' });
    // What nobody looked at is never said to be normal.
    await text('en').toMatch(/macula.*not assessed/i);
  });

  test('it is kept in versions, and an older one comes back', async () => {
    const { page } = app();
    const state = page.getByTestId('protocol-state');
    await page.getByTestId('protocol-observer').fill('Иванова');
    await page.getByTestId('protocol-observer').press('Tab');
    await page.getByTestId('save-protocol').click();
    await expect.poll(() => state.innerText()).toContain('1');
    await page.getByTestId('field-lesions.hard-exudates').locator('[data-value="few"]').click();
    await page.getByTestId('field-lesions.hard-exudates-area').waitFor();
    await page.keyboard.press('Control+s');
    await expect.poll(() => state.innerText()).toContain('2');
    await page.getByTestId('protocol-history').click();
    await page.getByTestId('restore-1').click();
    await expect.poll(() => state.innerText()).toContain('3');
    await page.getByTestId('field-lesions.hard-exudates-area').waitFor({ state: 'detached' });
  });

  test('it leaves as JSON, FHIR, CSV and a page to file', async () => {
    const { page } = app();
    const save = async (kind: string, name: RegExp) => {
      await page.getByTestId('export-protocol').click();
      return download(page.getByTestId(`protocol-${kind}`), name);
    };
    const json = await save('json', /\.json$/);
    expect(JSON.parse(json.toString())).toMatchObject({
      observer: 'Иванова',
      values: { 'disc.cup-disc-ratio': { value: 0.4, source: 'manual' } },
    });
    expect(JSON.parse((await save('fhir', /\.json$/)).toString())).toMatchObject({ resourceType: 'Bundle' });
    expect((await save('csv', /\.csv$/)).toString()).toContain('Иванова');
    expect(readPdfText(await save('pdf', /\.pdf$/))).toContain('0.4');
  });

  test('axe finds nothing', async () => {
    const { violations } = await new AxeBuilder({ page: app().page }).setLegacyMode(true).analyze();
    expect(violations.map(({ id, nodes }) => [id, nodes.map(({ html }) => html)])).toEqual([]);
  });
}

/** Part and field of the form in which the focus is. */
function focusIn({ page }: RunningApp): Promise<{ group: string | undefined; field: string | undefined }> {
  return page.evaluate(() => {
    const closest = (selector: string) => document.activeElement?.closest<HTMLElement>(selector)?.dataset;
    return { group: closest('[data-group]')?.['group'], field: closest('.field-row')?.['testid'] };
  });
}
