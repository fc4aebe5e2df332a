import { AxeBuilder } from '@axe-core/playwright';
import { expect, test } from 'vitest';
import { download } from '../download.ts';
import type { RunningApp } from '../running-app.ts';

/** A lens is fitted on a group, looked at, traced through, and taken out as a file. */
export function lenses(app: () => RunningApp): void {
  test('a lens is fitted from the window, and a photograph is traced through it', async () => {
    const { page, visit, workbench } = app();
    const { client } = workbench;
    await client.settings.patch({ tourDone: true, language: 'en' });
    await page.reload();
    const { items } = await client.images.page({ query: { sort: 'patient' }, limit: 1000 });
    const ofPatients = [...new Map(items.map((image) => [image.patientCode, image.id])).values()];
    const { id } = await client.groups.create({ name: 'Lens' });
    await client.groups.addImages({ id, images: { ids: ofPatients.slice(0, 3) } });
    await visit('/models');
    await page.getByTestId('open-lenses').click();
    await page.getByTestId('open-lens-fit').click();
    await page.getByTestId('lens-fit-group').click();
    await page.locator(`[role="option"][data-value="${id}"]`).click();
    await page.getByTestId('lens-fit-name').fill('Three photographs');
    await page.getByTestId('start-lens-fit').click();
    await page
      .getByTestId('lens-card')
      .filter({ hasText: 'Three photographs' })
      .waitFor({ timeout: 200_000 });
    const [lens] = await client.lenses.list();
    expect(lens).toMatchObject({ name: 'Three photographs', patients: { fitted: 2, heldOut: 1 } });
    await page.getByTestId('figure-lens-curves').locator('canvas, svg').first().waitFor();
    expect(await page.getByTestId('lens-claim').innerText()).toContain('Where the answer begins');
    const { violations } = await new AxeBuilder({ page }).analyze();
    expect(violations.map(({ id: rule, nodes }) => [rule, nodes[0]?.html])).toEqual([]);
    const file = await download(page.getByTestId('export-lens'), /\.lens\.safetensors$/);
    expect(file.length).toBe(lens!.bytes);

    await visit(`/images/${ofPatients[0]!}`);
    await page.keyboard.press('n');
    await page.getByTestId('trace-lens').getByRole('radio').nth(2).click();
    await page.getByTestId('trace-fitted-lens').waitFor();
    await page.getByTestId('start-trace').click();
    const traced = async () => (await client.traces.list({ lenses: ['shortcut'] }))[0]?.id ?? null;
    await expect.poll(traced, { timeout: 200_000, interval: 500 }).not.toBeNull();
    await visit(`/trace/${(await traced())!}`);
    await page.getByTestId('trace-view').waitFor();
    expect(await page.getByTestId('trace-view').innerText()).toContain('Three photographs');
  }, 400_000);
}
