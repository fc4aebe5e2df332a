import { expect, test } from 'vitest';
import type { RunningApp } from '../running-app.ts';

/** Work that is interrupted: by the person, by the system, and by a page that is loaded again. */
export function tasks(app: () => RunningApp): void {
  /** Traces the images with a question that was never asked before, through the interface. */
  const traceAll = async (count: number, question: string) => {
    const { page, visit } = app();
    await visit('/library');
    await page.getByTestId('image-cell').first().click();
    await page
      .getByTestId('image-cell')
      .nth(count - 1)
      .click({ modifiers: ['Shift'] });
    await page.getByTestId(count === 1 ? 'trace-image' : 'trace-selection').click();
    await page.getByTestId('prompt-text').fill(question);
    await page.getByTestId('start-trace').click();
    await page.getByTestId('new-trace-form').waitFor({ state: 'detached' });
  };
  const states = async () => {
    const { counts } = await app().workbench.client.tasks.counts();
    return counts;
  };

  test('a batch is cancelled and resumed', async () => {
    const { engine, page, visit } = app();
    engine.hold();
    const { done } = await states();
    await traceAll(4, 'What is on the left side?');
    await visit('/tasks');
    await page.locator('[data-testid="task-row"][data-state="running"]').waitFor();
    await page.getByTestId('cancel-all').click();
    engine.release();
    await expect.poll(async () => (await states()).cancelled, { timeout: 60_000 }).toBeGreaterThanOrEqual(3);
    await page.getByTestId('retry-failed').click();
    await expect.poll(async () => (await states()).done, { timeout: 150_000 }).toBe(done + 4);
    await expect.poll(() => page.locator('[data-testid="task-row"][data-state="cancelled"]').count()).toBe(0);
  });

  test('a killed engine costs nothing but time', async () => {
    const { engine, page, visit } = app();
    const { done } = await states();
    engine.hold();
    await traceAll(1, 'What is on the right side?');
    await visit('/tasks');
    await page.locator('[data-testid="task-row"][data-state="running"]').waitFor();
    engine.kill();
    engine.release();
    await expect
      .poll(
        async () => {
          const { counts } = await app().workbench.client.tasks.counts();
          if (counts.failed > 0) await page.getByTestId('retry-failed').click();
          return counts.done;
        },
        { timeout: 150_000, interval: 500 },
      )
      .toBe(done + 1);
    expect(await page.getByTestId('tasks-view').isVisible()).toBe(true);
  });

  test('a page that is loaded again in the middle of a job finds it', async () => {
    const { engine, page } = app();
    const { done } = await states();
    engine.hold();
    await traceAll(1, 'What is in the middle?');
    await page.reload();
    await page.getByTestId('tasks-tray-button').click();
    await page.locator('[data-testid="task-row"][data-state="running"]').first().waitFor();
    engine.release();
    await expect.poll(async () => (await states()).done, { timeout: 150_000 }).toBe(done + 1);
    await page.keyboard.press('Escape');
  });
}
