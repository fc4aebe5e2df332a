import { AxeBuilder } from '@axe-core/playwright';
import { expect, test } from 'vitest';
import type { RunningApp } from '../running-app.ts';

/** Two observers describe the same photographs: how far they agree is told for each field. */
export function agreement(app: () => RunningApp): void {
  test('two observers of a group are compared field by field', async () => {
    const { page, visit, workbench } = app();
    const { client } = workbench;
    await client.settings.patch({ tourDone: true });
    await page.reload();
    const ids = (await client.images.ids({ query: { sort: 'patient' } })).slice(-4);
    // κ by hand: 3 of 4 equal; chance 0.5 · 0.25 + 0.5 · 0.75 = 0.5; κ = (0.75 − 0.5) / (1 − 0.5) = 0.5.
    const colours = { Орлова: ['pink', 'pink', 'pale', 'pale'], Тихонов: ['pink', 'pale', 'pale', 'pale'] };
    for (const [observer, said] of Object.entries(colours)) {
      for (const [at, imageId] of ids.entries()) {
        const ratio = (observer === 'Орлова' ? 3 + at : 4 + at) / 10;
        const entry = (value: string | number) => ({ value, source: 'manual' as const, certainty: null });
        await client.protocols.save({
          imageId,
          observer,
          values: { 'disc.colour': entry(said[at]!), 'disc.cup-disc-ratio': entry(ratio) },
        });
      }
    }
    const { id } = await client.groups.create({ name: 'Двое' });
    await client.groups.addImages({ id, images: { ids } });
    await visit(`/group/${id}`);
    await page.getByTestId('compare-observers').click();
    const choose = async (list: string, name: string) => {
      await page.getByTestId(list).click();
      await page.getByRole('option', { name }).click();
    };
    await choose('first-observer', 'Орлова');
    await choose('second-observer', 'Тихонов');
    const cells = (field: string) =>
      page.getByTestId(`agreement-${field}`).locator('.number').allInnerTexts();
    await expect.poll(() => cells('disc.colour')).toEqual(['4', '0', '75%', '0.50', '', '']);
    expect((await cells('disc.cup-disc-ratio'))[5]).toMatch(/^0\.10 \(0\.10 … 0\.10\)$/);
    const { violations } = await new AxeBuilder({ page }).setLegacyMode(true).analyze();
    expect(violations.map(({ id: rule, nodes }) => [rule, nodes.map(({ html }) => html)])).toEqual([]);
    await page.keyboard.press('Escape');
    await client.groups.remove({ id });
  });
}
