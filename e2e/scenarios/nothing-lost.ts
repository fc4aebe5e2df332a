import { beforeAll, expect, test } from 'vitest';
import type { RunningApp } from '../running-app.ts';
import { skipTour } from '../skip-tour.ts';

/** What a click must not take: a cohort's meaning, a group, words that were typed. */
export function nothingLost(app: () => RunningApp): void {
  beforeAll(() => skipTour(app()));

  const group = async (name: string) =>
    (await app().workbench.client.groups.list()).find((candidate) => candidate.name === name);

  const makeGroup = async (name: string, withSelection: boolean) => {
    const { page } = app();
    await page.getByTestId('new-group').click();
    await page.getByTestId('group-name').fill(name);
    if (withSelection) await page.getByTestId('group-with-selection').check();
    await page.getByTestId('group-name').press('Enter');
    await page.getByTestId('group-name').waitFor({ state: 'detached' });
  };

  test('a selection goes into a new group only when somebody says so', async () => {
    const { page, visit } = app();
    await visit('/library');
    await page.getByTestId('image-cell').first().click();
    await makeGroup('normal', false);
    expect((await group('normal'))!.imageCount).toBe(0);
    await page.getByTestId('toast').filter({ hasText: 'Group “normal” was created. It is empty.' }).waitFor();
    await page
      .getByTestId('image-cell')
      .nth(1)
      .click({ modifiers: ['Control'] });
    await makeGroup('with both', true);
    expect((await group('with both'))!.imageCount).toBe(2);
  });

  test('a group is deleted after a question, and comes back whole', async () => {
    const { page, workbench } = app();
    const before = (await group('with both'))!;
    const remove = page.getByRole('button', { name: 'with both' }).and(page.getByTestId('remove-group'));
    await remove.click();
    await page.getByRole('dialog').getByRole('button', { name: 'Cancel' }).click();
    expect(await group('with both')).toEqual(before);
    await remove.click();
    expect(await page.getByRole('dialog').innerText()).toContain('2 images belong to it');
    await page.getByTestId('confirm-remove-place').click();
    await expect.poll(() => group('with both')).toBeUndefined();
    expect((await workbench.client.images.undoable())?.action).toBe('remove-group');
    await page.getByTestId('undo').click();
    await expect.poll(() => group('with both')).toEqual(before);
  });

  test('a tag that undo has emptied is gone', async () => {
    const { workbench } = app();
    const { client } = workbench;
    const { items } = await client.images.page({ query: {}, limit: 1 });
    await client.images.addTag({ ids: [items[0]!.id], name: 'на пересмотр' });
    await client.images.undo();
    expect((await client.tags.list()).map(({ name }) => name)).not.toContain('на пересмотр');
  });

  test('an unsaved concept set is not left without a question', async () => {
    const { page, visit } = app();
    await visit('/concepts');
    await page.getByTestId('new-set').click();
    await page.getByTestId('set-title-en').fill('Drusen by hand');
    const library = page.getByRole('navigation').getByRole('link', { name: 'Library' }).first();
    await library.click();
    await page.getByTestId('unsaved-stay').click();
    await page.getByTestId('unsaved-stay').waitFor({ state: 'detached' });
    expect(page.url()).toContain('/concepts');
    expect(await page.getByTestId('set-title-en').inputValue()).toBe('Drusen by hand');
    await page.getByTestId('concept-set').first().click();
    await page.getByTestId('unsaved-stay').click();
    expect(await page.getByTestId('set-title-en').inputValue()).toBe('Drusen by hand');
    await library.click();
    await page.getByTestId('unsaved-discard').click();
    await page.getByTestId('library-view').waitFor();
  });
}
