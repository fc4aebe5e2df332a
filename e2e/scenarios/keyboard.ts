import { expect, test } from 'vitest';
import type { RunningApp } from '../running-app.ts';

/** The same without a mouse. */
export function keyboard(app: () => RunningApp): void {
  test('library: move, select, filter, open a trace', async () => {
    const { page, visit } = app();
    await visit('/library');
    await page.getByTestId('image-cell').first().waitFor();
    await page.getByTestId('image-grid').focus();
    await page.keyboard.press('Home');
    await page.keyboard.press('ArrowRight');
    await page.keyboard.press('Shift+ArrowRight');
    await expect.poll(() => page.locator('[data-testid="image-cell"][aria-selected="true"]').count()).toBe(2);
    await page.keyboard.press('Control+a');
    await page.getByTestId('selection-panel').waitFor();
    await page.keyboard.press('Escape');
    await page.keyboard.press('/');
    await page.keyboard.type('SYN-004');
    await expect.poll(() => page.getByTestId('image-count').innerText()).toMatch(/^2 /);
    await page.keyboard.press('Escape');
    await expect.poll(() => page.getByTestId('image-count').innerText()).not.toMatch(/^2 /);
    await page.getByTestId('image-grid').focus();
    await page.keyboard.press('Home');
    await page.keyboard.press('Enter');
    await page.getByTestId('trace-view').waitFor();
  });

  test('trace: layers, patches, overlay, new trace', async () => {
    const { page } = app();
    const output = page.getByTestId('layer-output');
    await page.keyboard.press('Home');
    const first = await output.innerText();
    await page.keyboard.press('.');
    await expect.poll(() => output.innerText()).not.toBe(first);
    await page.keyboard.press('Alt+ArrowRight');
    await page.getByTestId('back-to-answer').waitFor();
    await page.keyboard.press('a');
    await page.keyboard.press('n');
    await page.getByTestId('new-trace-form').waitFor();
    await page.waitForFunction(() => document.activeElement!.closest('[role="dialog"]') !== null);
    await page.keyboard.press('Escape');
    await page.getByTestId('new-trace-form').waitFor({ state: 'detached' });
  });

  test('every view and its controls are reached by Tab, and the focus is seen', async () => {
    const { page, visit } = app();
    for (const view of ['/library', '/jobs', '/models', '/concepts', '/settings', '/help']) {
      await visit(view);
      await page.waitForTimeout(200);
      await page.evaluate(() => (document.activeElement as HTMLElement | null)?.blur());
      const seen = new Set<string>();
      for (let press = 0; press < 25; press++) {
        await page.keyboard.press('Tab');
        const focused = await page.evaluate(() => {
          const element = document.activeElement!;
          const { outlineStyle, boxShadow } = getComputedStyle(element);
          const marked = outlineStyle !== 'none' || boxShadow !== 'none' || element === document.body;
          return { name: element.outerHTML.slice(0, 120), marked };
        });
        expect({ view, ...focused }).toMatchObject({ marked: true });
        seen.add(focused.name);
      }
      expect(seen.size).toBeGreaterThan(10);
    }
  });
}
