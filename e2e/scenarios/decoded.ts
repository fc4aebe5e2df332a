import { AxeBuilder } from '@axe-core/playwright';
import { expect, test } from 'vitest';
import type { DecodedLayer } from '../../electron/contract/protocols/decoded.ts';
import type { RunningApp } from '../running-app.ts';

const decoderName = 'Which eye';
const field = 'header.eye';

/** A protocol is read from inside the model, at three layers, beside what people wrote, and corrected by hand. */
export function decoded(app: () => RunningApp): void {
  let imageId = 0;
  let decoderId = 0;

  test('a decoder is fitted on sample photographs', async () => {
    const { workbench, page } = app();
    const { client } = workbench;
    // Alone, this scenario meets the tour, which has all keys for itself.
    await client.settings.patch({ tourDone: true });
    await page.reload();
    const { items } = await client.images.page({ query: { sort: 'patient' }, limit: 1000 });
    const eyes = items.filter(({ laterality }) => laterality === 'R' || laterality === 'L');
    // The first ones have protocols of other scenarios.
    imageId = eyes[5]!.id;
    const others = eyes.filter(({ id }) => id !== imageId);
    const ids = others.slice(0, 24).map(({ id }) => id);
    const [model] = await client.models.list();
    const order = { modelId: model!.id, images: { ids }, fields: [field], minPatients: 2 };
    const { taskId } = await client.decoders.fit({ ...order, name: decoderName });
    await expect
      .poll(async () => (await client.tasks.get({ id: taskId })).state, { timeout: 200_000 })
      .toBe('done');
    decoderId = (await client.decoders.list()).find(({ name }) => name === decoderName)!.id;
    // Nobody says which eye it is but the decoder.
    await client.images.update({ ids: [imageId], change: { laterality: 'unknown' } });
  });

  test('a sample is read at three layers, and the text goes with the layer', async () => {
    const { page, visit, workbench } = app();
    await visit('/library');
    await page.getByTestId('image-cell').first().waitFor();
    await visit(`/images/${imageId}/decoded`);
    await page.getByTestId('choose-decoder').click();
    await page.locator(`[role="option"][data-value="${decoderId}"]`).click();
    await page.getByTestId(`decoded-${field}`).waitFor({ timeout: 100_000 });
    const { chosen, layers } = await workbench.client.decoders.apply({ decoderId, imageId });
    const shows = async ({ text, fields }: DecodedLayer) => {
      for (const language of ['en', 'ru'] as const)
        await expect
          .poll(() => page.locator(`[data-testid="protocol-text"] [lang="${language}"]`).innerText())
          .toBe(text[language]);
      const status = page.getByTestId(`decoded-${field}`).locator('[data-status]');
      expect(await status.getAttribute('data-status')).toBe(
        fields.find((each) => each.field === field)!.status,
      );
    };
    await shows(chosen);
    // A list keeps the keys for itself as long as it has the focus.
    await page.evaluate(() => (document.activeElement as HTMLElement | null)?.blur());
    await page.keyboard.press('Home');
    await shows(layers[0]!);
    for (let step = 0; step < 4; step++) await page.keyboard.press('.');
    await expect.poll(() => page.getByTestId('layer-output').innerText()).toContain('4 /');
    await shows(layers[4]!);
    await page.keyboard.press('End');
    await shows(layers.at(-1)!);
    await page.locator('[role="radio"][data-value="own"]').click();
    await shows(chosen);
  });

  test('it is corrected by hand, and where a value came from stays', async () => {
    const { page, visit, workbench } = app();
    const { client } = workbench;
    const origin = page.getByTestId(`field-${field}`).getByTestId('origin');
    await page.getByTestId('correct-decoded').click();
    await origin.waitFor();
    expect(await origin.innerText()).toMatch(/^decoder, >?\d+(\.\d+)?%$/);
    await page.getByTestId('field-disc.size').locator('[data-value="normal"]').click();
    await page.getByTestId('protocol-observer').fill('Петрова');
    await page.getByTestId('protocol-observer').press('Tab');
    await page.getByTestId('save-protocol').click();
    await expect.poll(() => page.getByTestId('protocol-state').innerText()).toContain('1');
    const [version] = await client.protocols.list({ imageId });
    const { protocol } = await client.protocols.get({ id: version!.id });
    expect(protocol.values).toMatchObject({
      [field]: { source: 'decoder' },
      'disc.size': { value: 'normal', source: 'manual' },
    });
    await visit(`/images/${imageId}/decoded`);
    const row = page.getByTestId(`decoded-${field}`);
    await row.getByRole('img', { name: 'same' }).waitFor();
    const other = protocol.values[field]!.value === 'OS' ? 'OD' : 'OS';
    await client.protocols.save({
      imageId,
      observer: 'Иванова',
      values: { [field]: { value: other, source: 'manual', certainty: null } },
    });
    await row.getByRole('img', { name: 'different' }).waitFor();
    expect(await page.getByTestId('decoded-differences').innerText()).toBe('1 difference');
  });

  test('scores by layer stand beside baselines, and axe finds nothing', async () => {
    const { page, visit, workbench } = app();
    const found: string[] = [];
    for (const language of ['ru', 'en'] as const) {
      await workbench.client.settings.patch({ language });
      await page.reload();
      await visit('/decoders');
      await page.getByTestId('decoder-card').filter({ hasText: decoderName }).click();
      await page.getByTestId('figure-decoder-curves').locator('canvas, svg').first().waitFor();
      expect(await page.getByTestId('decoder-claim').innerText()).toMatch(/encoded|закодирован/);
      await visit(`/images/${imageId}/decoded`);
      await page.getByTestId(`decoded-${field}`).waitFor();
      for (const view of ['/decoders', `/images/${imageId}/decoded`]) {
        await visit(view);
        await page.waitForTimeout(500);
        const { violations } = await new AxeBuilder({ page }).setLegacyMode(true).analyze();
        found.push(...violations.map(({ id, nodes }) => `${view} ${id} ${nodes[0]!.html.slice(0, 160)}`));
      }
    }
    expect(found).toEqual([]);
  });
}
