import { beforeAll, expect, test } from 'vitest';
import type { RunningApp } from '../running-app.ts';
import { skipTour } from '../skip-tour.ts';
import { tracedPhotographs } from '../traced-photographs.ts';

/** Traces are found by whose photograph they read, and begun from where they are listed. */
export function traceList(app: () => RunningApp): void {
  beforeAll(() => skipTour(app()));

  test('a card names patient, eye and file, and words, eyes and an order find it', async () => {
    const { page, visit, workbench } = app();
    const [first] = await tracedPhotographs(app());
    const { image, visit: seen } = await workbench.client.images.get({ id: first!.imageId! });
    const { patientCode, fileName } = first!.image!;
    expect(seen).not.toBeNull();
    await visit('/trace');
    const names = page.getByTestId('trace-name');
    await names.first().waitFor();
    const all = await names.count();
    await page.getByTestId('trace-search').fill(fileName.toUpperCase());
    await expect.poll(() => names.count()).toBeLessThan(all);
    const name = await names.first().innerText();
    expect(name).toContain(patientCode!);
    expect(name).toContain(fileName);
    expect(name).toContain(image.laterality === 'R' ? 'OD' : 'OS');
    await page.getByTestId('trace-search').fill('нет такого пациента');
    await page.getByText('No traces match').waitFor();
    await page.getByRole('button', { name: 'Show all traces' }).click();
    await expect.poll(() => names.count()).toBe(all);
    await page.getByTestId('trace-eye').click();
    await page.getByRole('option', { name: 'Left eye (OS)' }).click();
    await expect
      .poll(async () => (await names.allInnerTexts()).every((text) => text.includes('OS')))
      .toBe(true);
    await page.getByTestId('trace-eye').click();
    await page.getByRole('option', { name: 'All eyes' }).click();
  });

  test('rows of “Add a trace…” are told apart', async () => {
    const { page, visit, workbench } = app();
    const traces = await workbench.client.traces.list({ limit: 100 });
    const [one, two, ...others] = traces.filter(({ imageId }) => imageId !== null);
    await visit(`/compare?traces=${one!.id},${two!.id}`);
    await page.getByTestId('add-trace').click();
    const rows = await page.getByRole('option').allInnerTexts();
    expect(new Set(rows).size).toBe(rows.length);
    const [other] = others;
    if (other !== undefined) {
      expect(rows.some((row) => row.includes(other.image!.fileName))).toBe(true);
    }
    await page.keyboard.press('Escape');
  });

  test('“New trace” on the traces page asks of what', async () => {
    const { page, visit } = app();
    await visit('/trace');
    await page.getByTestId('new-trace').click();
    await page.getByTestId('new-trace-of-prompt').waitFor();
    await page.getByTestId('new-trace-of-photographs').click();
    await page.getByTestId('library-view').waitFor();
    await page.getByTestId('image-cell').first().click();
    await visit('/trace');
    await page.getByTestId('new-trace').click();
    await page.getByTestId('new-trace-of-selected').click();
    expect(await page.getByRole('dialog').innerText()).toContain('1 image');
  });

  test('a description is long enough to be one, and its length is remembered', async () => {
    const { page, workbench } = app();
    const length = page.getByTestId('answer-length');
    await page.getByRole('button', { name: 'Description protocol' }).click();
    await expect.poll(() => length.inputValue()).toBe('256');
    await page.getByRole('button', { name: 'One word' }).click();
    await expect.poll(() => length.inputValue()).toBe('16');
    await page.getByRole('button', { name: 'Description protocol' }).click();
    await length.fill('40');
    await length.press('Tab');
    app().engine.hold();
    await page.getByTestId('start-trace').click();
    await page.getByTestId('new-trace-form').waitFor({ state: 'detached' });
    const running = await workbench.client.tasks.list({ states: ['queued', 'running'] });
    await workbench.client.tasks.cancel({ ids: running.map(({ id }) => id) });
    app().engine.release();
    await page.keyboard.press('n');
    await page.getByRole('button', { name: 'Description protocol' }).click();
    await expect.poll(() => length.inputValue()).toBe('40');
    await page.keyboard.press('Escape');
    await page.getByTestId('new-trace-form').waitFor({ state: 'detached' });
  });

  test('the date of a visit is read in the order of the language, and nonsense is named', async () => {
    const { page, visit, workbench } = app();
    const [first] = await tracedPhotographs(app());
    await visit('/library');
    const field = page.getByTestId('edit-visit');
    // The image that was chosen before has no patient, and so no visit; the grid may still be settling when it is clicked.
    const choose = async () => {
      await page.locator(`[data-image-id="${first!.imageId}"]`).click();
      return field.isEnabled();
    };
    await expect.poll(choose).toBe(true);
    const dateOf = async () => (await workbench.client.images.get({ id: first!.imageId! })).visit?.date;
    for (const [written, read] of [
      ['10052023', '2023-05-10'],
      ['2023-06-11', '2023-06-11'],
      ['12/07/2023', '2023-07-12'],
    ]) {
      // On a busy machine the panel may still be renewed by the change before, and forget what is typed.
      const write = async () => {
        if ((await dateOf()) === read) return read;
        await field.focus();
        await field.fill(written!);
        await field.press('Enter');
        await page.waitForTimeout(500);
        return dateOf();
      };
      await expect.poll(write, { interval: 1000 }).toBe(read);
      await field.blur();
    }
    await field.focus();
    await field.fill('31/02/2023');
    await field.press('Enter');
    await page.getByText('Not a date.').waitFor();
    expect(await dateOf()).toBe('2023-07-12');
    await field.press('Escape');
    for (let n = 0; n < 3; n++) await workbench.client.images.undo();
  });

  test('findings are found and named in Russian, and the search is wide enough in a small window', async () => {
    const { page, visit, workbench } = app();
    const before = page.viewportSize()!;
    await page.setViewportSize({ width: 1024, height: 700 });
    await workbench.client.settings.patch({ language: 'ru' });
    await page.reload();
    await visit('/library');
    const search = page.getByTestId('search');
    expect((await search.boundingBox())!.width).toBeGreaterThanOrEqual(240);
    await search.fill('друзы');
    const badge = page.getByTestId('finding-badge');
    await expect.poll(async () => (await badge.allInnerTexts()).join()).toContain('друзы');
    await search.fill('');
    await workbench.client.settings.patch({ language: 'en' });
    await page.setViewportSize(before);
    await page.reload();
    await page.getByTestId('library-view').waitFor();
  });

  test('a removed trace lies in the trash and comes back', async () => {
    const { page, visit, workbench } = app();
    const [first] = await tracedPhotographs(app());
    const idsNow = async () => (await workbench.client.traces.list({ limit: 1000 })).map(({ id }) => id);
    await workbench.client.traces.remove({ ids: [first!.id] });
    expect(await idsNow()).not.toContain(first!.id);
    await visit('/settings');
    const row = page.getByTestId('trash-item').filter({ hasText: `Trace #${first!.id}` });
    expect(await row.innerText()).toContain(first!.image!.fileName);
    await row.getByTestId('trash-restore').click();
    await row.waitFor({ state: 'detached' });
    expect(await idsNow()).toContain(first!.id);
  });
}
