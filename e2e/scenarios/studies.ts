import { AxeBuilder } from '@axe-core/playwright';
import { expect, test } from 'vitest';
import { download } from '../download.ts';
import { openTrace } from '../open-trace.ts';
import type { RunningApp } from '../running-app.ts';

/** What researchers take out: hidden states, bundles, tables, statistics of groups, exact divergences. */
export function studies(app: () => RunningApp): void {
  test('hidden states of chosen layers leave as safetensors with a manifest', async () => {
    const { page } = app();
    await openTrace(app());
    await page.getByTestId('export-trace').click();
    await page.getByTestId('export-hidden-states').click();
    await page.getByTestId('hidden-layers').fill('0, 99');
    await expect.poll(() => page.getByTestId('hidden-states-form-save').isDisabled()).toBe(true);
    await page.getByTestId('hidden-layers').fill('0-1');
    await page.getByRole('radio', { name: 'This one' }).click();
    expect(await page.getByTestId('hidden-size').innerText()).toMatch(/^2 × 1 × \d+ numbers/);
    const zip = await download(page.getByTestId('hidden-states-form-save'), /\.zip$/);
    expect(zip.subarray(0, 2).toString()).toBe('PK');
    expect(zip.includes('manifest.json')).toBe(true);
    expect(zip.includes('hidden-states.safetensors')).toBe(true);
    await page.getByTestId('hidden-states-form').waitFor({ state: 'detached' });
  });

  test('a study bundle without names asks for a look at the photographs first', async () => {
    const { page } = app();
    await page.getByTestId('export-trace').click();
    await page.getByTestId('export-study').click();
    await page.getByTestId('study-name').fill('Сетчатка');
    await page.getByTestId('deidentify').check();
    expect(await page.getByTestId('study-form-save').isDisabled()).toBe(true);
    await page.getByTestId('confirm-burned-in').check();
    const zip = await download(page.getByTestId('study-form-save'), /\.zip$/);
    for (const name of ['study.json', 'README.md', 'SHA256SUMS', 'images/image-00001.png']) {
      expect({ name, there: zip.includes(name) }).toEqual({ name, there: true });
    }
  });

  test('the table of the images in view', async () => {
    const { page, visit, workbench } = app();
    await visit('/library');
    await page.getByTestId('image-grid').press('Escape');
    await page.getByTestId('export-images').click();
    const csv = (await download(page.getByTestId('image-table-form-save'), /\.csv$/)).toString();
    const rows = csv.split(/\r?\n/).filter((line) => line !== '' && !line.startsWith('#'));
    expect(rows).toHaveLength(1 + (await workbench.client.images.count({})));
    expect(csv).toContain('SYN-001');
  });

  test('the mean curve of a group beside its controls', async () => {
    const { page, visit, workbench } = app();
    const { client } = workbench;
    const { items } = await client.images.page({ query: { sort: 'patient' }, limit: 20 });
    // Two patients each, none of them in both.
    const [cases, controls] = [items.slice(0, 2), items.slice(3, 7)].map((cards) =>
      cards.map(({ id }) => id),
    );
    const group = await client.groups.create({ name: 'Группа' });
    const control = await client.groups.create({ name: 'Controls' });
    await client.groups.addImages({ id: group.id, images: { ids: cases! } });
    await client.groups.addImages({ id: control.id, images: { ids: controls! } });
    const [model] = await client.models.list();
    const order = { modelId: model!.id, prompts: ['Which organ is it?'], conceptSetId: 'fundus' };
    const { added } = await client.traces.enqueue({ ...order, images: { ids: [...cases!, ...controls!] } });
    const done = async () => {
      const jobs = await Promise.all(added.map((id) => client.tasks.get({ id })));
      return jobs.every(({ state }) => state === 'done');
    };
    await expect.poll(done, { timeout: 150_000 }).toBe(true);
    await visit('/library');
    await page.getByRole('button', { name: /^Группа/ }).click();
    await page
      .getByTestId('group-statistics')
      .and(page.locator(`[href$="/group/${group.id}"]`))
      .click();
    await page.getByTestId('group-view').waitFor();
    await page.getByTestId('figure-group-curves').waitFor();
    expect(await page.getByTestId('group-coverage').innerText()).toContain('2 of 2');
    await page.getByTestId('control-group').click();
    await page.locator(`[role="option"][data-value="${control.id}"]`).click();
    await page.getByTestId('figure-group-difference').waitFor();
    const table = page.getByTestId('group-concepts');
    expect(await table.locator('tbody tr').count()).toBeGreaterThan(40);
    await table.locator('[data-concept-id="retina"]').click();
    await page.locator('[data-concept-id="retina"][aria-pressed="true"]').waitFor();
    await page.locator('[data-testid="group-result"]:not([aria-busy="true"])').waitFor();
    // Tests trace beside fewer controls than a finding needs, so emergence is "not asked", never "never".
    expect(await table.locator('tr', { hasText: 'Retina' }).first().innerText()).toContain('not asked');
    expect(await page.getByTestId('figure-group-emergence').count()).toBe(0);
    const { violations } = await new AxeBuilder({ page })
      .setLegacyMode(true)
      .include('[data-testid="group-result"]')
      .analyze();
    expect(violations.map(({ id, nodes }) => [id, nodes.map(({ html }) => html)])).toEqual([]);
    await page.getByTestId('export-group-difference').click();
    const csv = (await download(page.getByTestId('export-csv'), /\.csv$/)).toString();
    expect(csv).toContain('p_max_t');
    await visit('/library');
    await page.getByRole('button', { name: /^All images/ }).click();
  });

  test('divergences are bounded first, and exact when somebody waits for them', async () => {
    const { page, visit, workbench } = app();
    const traces = await workbench.client.traces.list({ limit: 100 });
    const [first, second] = traces.filter(({ imageId }) => imageId !== null);
    await visit(`/compare?traces=${first!.id},${second!.id}`);
    const exactness = page.getByTestId('exactness');
    await exactness.waitFor();
    expect(await exactness.getAttribute('data-exact')).toBe('false');
    await page.getByTestId('compute-exact').click();
    await page.locator('[data-testid="exactness"][data-exact="true"]').waitFor({ timeout: 150_000 });
  });

  test('a figure is dragged out as a picture', async () => {
    const { page } = app();
    const dragged = await page.getByTestId('drag-compare-curves').evaluate((handle) => {
      const event = new DragEvent('dragstart', { bubbles: true, dataTransfer: new DataTransfer() });
      handle.dispatchEvent(event);
      return event.dataTransfer!.getData('DownloadURL');
    });
    expect(dragged).toMatch(/^image\/png:fundus-lens-compare-curves\.png:blob:/);
  });

  test('a trace is noted, and taken out of the library', async () => {
    const { page, visit, workbench } = app();
    const [newest] = await workbench.client.traces.list({ limit: 1 });
    await visit(`/trace/${newest!.id}`);
    await page.getByTestId('trace-view').waitFor();
    await page.locator('[role="tab"][data-value="details"]').click();
    await page.getByTestId('trace-note').fill('ещё раз посмотреть');
    await page.getByTestId('trace-note').blur();
    const noteOf = async () => (await workbench.client.traces.get({ id: newest!.id })).summary.note;
    await expect.poll(noteOf).toBe('ещё раз посмотреть');
    await page.getByTestId('remove-trace').click();
    await page.getByTestId('confirm-remove-trace').click();
    await page.waitForFunction(() => location.hash === '#/trace');
    const left = await workbench.client.traces.list({ limit: 100 });
    expect(left.some(({ id }) => id === newest!.id)).toBe(false);
  });
}
