import { expect, test } from 'vitest';
import { download } from '../download.ts';
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
    await page.keyboard.press('n');
    await page.getByTestId('detail-of-image').waitFor();
    await page.keyboard.press('Escape');
    await page.getByTestId('new-trace-form').waitFor({ state: 'detached' });
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

  test('compare: from the library to a patch, swapped, blinked, exported', async () => {
    const { page, visit, workbench } = app();
    const { items } = await workbench.client.images.page({ query: { sort: 'patient' }, limit: 1000 });
    const traced = items.flatMap((card, place) => (card.traceCount > 0 ? [place] : [])).slice(0, 2);
    await visit('/library');
    await page.getByTestId('image-cell').first().waitFor();
    await page.getByTestId('image-grid').focus();
    await page.keyboard.press('Escape');
    await page.keyboard.press('Home');
    await page.keyboard.press('Space');
    for (let place = 0; place <= traced[1]!; place++) {
      if (traced.includes(place)) await page.keyboard.press('Space');
      await page.keyboard.press('Control+ArrowRight');
    }
    await press(app(), 'compare-selection');
    await page.getByTestId('emergence-table').waitFor();
    const output = page.getByTestId('layer-output');
    const last = await output.innerText();
    await page.keyboard.press(',');
    await expect.poll(() => output.innerText()).not.toBe(last);
    await page.keyboard.press('Alt+ArrowDown');
    await page.getByTestId('back-to-answer').waitFor();
    await page.keyboard.press('a');
    await page.getByTestId('back-to-answer').waitFor({ state: 'detached' });
    await page.keyboard.press('x');
    await expect.poll(() => page.locator('[data-testid="compare-photo"][inert]').count()).toBe(1);
    await page.keyboard.press('b');
    await expect.poll(() => page.getByTestId('blink').getAttribute('aria-pressed')).toBe('true');
    await page.keyboard.press('b');
    await page.getByTestId('export-comparison').focus();
    await page.keyboard.press('Enter');
    await page.getByTestId('comparison-csv').waitFor();
    await page.keyboard.press('ArrowDown');
    const csv = await download(page.getByTestId('comparison-csv'), /\.csv$/, () =>
      page.keyboard.press('Enter'),
    );
    expect(csv.length).toBeGreaterThan(100);
  });

  test('jobs: pause, resume, cancel and retry one, stop and start the queue', async () => {
    const { engine, page, visit, workbench } = app();
    const { client } = workbench;
    engine.hold();
    const [model] = await client.models.list();
    const images = { ids: (await client.images.ids({})).slice(0, 2) };
    const prompts = ['What is at the edge?'];
    await client.traces.enqueue({ images, modelId: model!.id, prompts, conceptSetId: 'fundus' });
    await visit('/tasks');
    const row = (state: string) => page.locator(`[data-testid="task-row"][data-state="${state}"]`);
    await row('running').waitFor();
    await row('queued').getByTestId('task-action').focus();
    await page.keyboard.press('Enter');
    await row('paused').waitFor();
    expect(await focusedTestid(app())).toBe('task-action');
    await page.keyboard.press('Enter');
    await row('queued').waitFor();
    await row('queued').getByTestId('task-cancel').focus();
    await page.keyboard.press('Enter');
    await row('cancelled').first().waitFor();
    await row('cancelled').first().getByTestId('task-action').focus();
    await page.keyboard.press('Enter');
    await row('queued').waitFor();
    const words = await page.getByTestId('pause-queue').innerText();
    await press(app(), 'pause-queue');
    await expect.poll(async () => (await client.tasks.counts()).paused).toBe(true);
    await expect.poll(() => page.getByTestId('pause-queue').innerText()).not.toBe(words);
    expect(await focusedTestid(app())).toBe('pause-queue');
    await page.keyboard.press('Enter');
    await expect.poll(async () => (await client.tasks.counts()).paused).toBe(false);
    engine.release();
    const left = async () => {
      const { counts } = await client.tasks.counts();
      return counts.queued + counts.running;
    };
    await expect.poll(left, { timeout: 150_000 }).toBe(0);
    await page.keyboard.press('j');
    await page.getByTestId('tasks-tray').waitFor();
    await page.keyboard.press('Escape');
    await page.getByTestId('tasks-tray').waitFor({ state: 'detached' });
  });

  test('every view and its controls are reached by Tab, and the focus is seen', async () => {
    const { page, visit } = app();
    for (const view of [
      '/library',
      '/experiments',
      '/tasks',
      '/models',
      '/decoders',
      '/concepts',
      '/settings',
      '/help',
    ]) {
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
          return { name: element.outerHTML, marked };
        });
        expect({ view, ...focused }).toMatchObject({ marked: true });
        seen.add(focused.name);
      }
      expect(seen.size, view).toBeGreaterThan(10);
    }
  });
}

/** Walks there with Tab and presses Enter. */
async function press({ page }: RunningApp, testid: string): Promise<void> {
  for (let step = 0; step < 200; step++) {
    if ((await focusedTestid({ page })) === testid) {
      await page.keyboard.press('Enter');
      return;
    }
    await page.keyboard.press('Tab');
  }
  throw new Error(`${testid} is not reached with Tab`);
}

function focusedTestid({ page }: Pick<RunningApp, 'page'>): Promise<string | null> {
  return page.evaluate(() => document.activeElement?.getAttribute('data-testid') ?? null);
}
