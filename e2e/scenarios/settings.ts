import { AxeBuilder } from '@axe-core/playwright';
import { describe, expect, test } from 'vitest';
import type { RunningApp } from '../running-app.ts';

const views = [
  '/library',
  '/trace',
  '/experiments',
  '/tasks',
  '/models',
  '/decoders',
  '/concepts',
  '/settings',
  '/help',
] as const;

/** Concept sets, languages, themes; and that everybody can read and use every view of them. */
export function settings(app: () => RunningApp): void {
  test('a concept set is copied, edited and saved', async () => {
    const { page, visit, workbench } = app();
    await visit('/concepts');
    await page.getByTestId('concept-set').first().click();
    await page.getByTestId('copy-set').click();
    await page.getByTestId('set-title-en').fill('My own words');
    await page.getByTestId('add-concept').click();
    await page.locator('[data-testid="concept-name-en"]').first().fill('Cotton wool');
    await page.locator('[data-testid="concept-name-ru"]').first().fill('Ватные очаги');
    await page.locator('[data-testid="concept-forms-en"]').first().fill('cotton');
    await page.locator('[data-testid="concept-forms-ru"]').first().fill('ватный');
    await page.getByTestId('resolved-token').first().waitFor({ timeout: 60_000 });
    await page.getByTestId('save-set').click();
    await expect
      .poll(
        async () => (await workbench.client.concepts.list()).find(({ builtIn }) => !builtIn)?.set.title.en,
      )
      .toBe('My own words');
  });

  test('Help says what may be concluded and what the words mean; a backup says what it lacks', async () => {
    const { page, visit } = app();
    await visit('/help');
    const concluded = page.getByTestId('may-conclude').locator('tbody tr');
    await concluded.first().waitFor();
    expect(await concluded.count()).toBe(9);
    const terms = await page.getByTestId('glossary').locator('dt').allInnerTexts();
    expect(terms).toContain('Logit lens');
    expect(terms).toEqual([...terms].sort((a, b) => a.localeCompare(b, 'en')));
    await visit('/settings');
    expect(await page.getByTestId('backup-holds').innerText()).toContain('Photographs');
  });

  test('language and theme change while running, and stay', async () => {
    const { page } = app();
    await choose(app(), 'ru', 'light');
    expect(await page.getByTestId('nav-library').innerText()).toMatch(/^\p{sc=Cyrillic}/u);
    await page.reload();
    await expect.poll(() => page.getByTestId('nav-library').innerText()).toMatch(/^\p{sc=Cyrillic}/u);
    expect(await page.locator('html').getAttribute('lang')).toBe('ru');
    expect(await page.locator('html').getAttribute('data-theme')).toBe('light');
    await choose(app(), 'en', 'dark');
    expect(await page.getByTestId('nav-library').innerText()).toBe('Library');
  });

  describe('axe finds nothing serious', () => {
    for (const language of ['en', 'ru'] as const) {
      for (const theme of ['dark', 'light'] as const) {
        test(`${language}, ${theme}`, async () => {
          const { page, visit, workbench } = app();
          await choose(app(), language, theme);
          const traces = await workbench.client.traces.list({ limit: 100 });
          const [a, b] = traces.filter(({ imageId, numPositions }) => imageId !== null && numPositions > 1);
          const found: string[] = [];
          const [group] = await workbench.client.groups.list();
          const reading = [`/trace/${a!.id}`, `/compare?traces=${a!.id},${b!.id}`, `/group/${group!.id}`];
          for (const view of [...views, ...reading]) {
            await visit(view);
            await page.waitForTimeout(500);
            const { violations } = await new AxeBuilder({ page }).setLegacyMode(true).analyze();
            for (const { id, impact, nodes } of violations) {
              if (impact === 'serious' || impact === 'critical')
                found.push(`${view} ${id} ${nodes[0]!.html.slice(0, 160)}`);
            }
          }
          expect(found).toEqual([]);
        });
      }
    }
  });
}

async function choose(
  { page, visit, workbench }: RunningApp,
  language: 'en' | 'ru',
  theme: 'dark' | 'light',
): Promise<void> {
  await visit('/settings');
  await page
    .getByTestId('language')
    .getByText(language === 'en' ? 'English' : 'Русский')
    .click();
  const names = { dark: /Dark|Т[её]мная/, light: /Light|Светлая/ };
  await page.getByTestId('theme').getByText(names[theme]).click();
  await expect.poll(() => workbench.client.settings.get()).toMatchObject({ language, theme });
  await page.waitForFunction((wanted) => document.documentElement.dataset['theme'] === wanted, theme);
}
