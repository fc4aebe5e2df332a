import { AxeBuilder } from '@axe-core/playwright';
import { expect, test } from 'vitest';
import type { RunningApp } from '../running-app.ts';

/** Reading a trace: layers, patches, both eyes beside each other. */
export function reading(app: () => RunningApp): void {
  test('the layer scrubber drives tokens and overlay', async () => {
    const { page, visit, workbench } = app();
    const [newest] = await workbench.client.traces.list({ limit: 1 });
    await visit(`/trace/${newest!.id}`);
    const range = page.getByTestId('layer-range');
    await range.waitFor();
    const seen: string[] = [];
    const pictures: string[] = [];
    for (let layer = 0; layer < newest!.numLayers; layer++) {
      await range.fill(String(layer));
      await page.waitForTimeout(60);
      seen.push(await page.getByTestId('layer-output').innerText());
      pictures.push(await pictureOf(app()));
    }
    expect(new Set(seen).size).toBe(newest!.numLayers);
    expect(new Set(pictures).size).toBeGreaterThan(1);
  });

  test('a click on a patch shows its own trace, and a key brings the answer back', async () => {
    const { page } = app();
    const position = page.getByTestId('position');
    const answer = await position.innerText();
    const box = (await page.getByTestId('overlay-canvas').boundingBox())!;
    await page.mouse.click(box.x + box.width / 2, box.y + box.height / 2);
    await page.getByTestId('back-to-answer').waitFor();
    expect(await position.innerText()).not.toBe(answer);
    await page.keyboard.press('a');
    await page.getByTestId('back-to-answer').waitFor({ state: 'detached' });
  });

  test('the verdict is whole on a small screen, and axe reads it', async () => {
    const { page } = app();
    const before = page.viewportSize()!;
    await page.setViewportSize({ width: 1024, height: 700 });
    const verdict = page.getByTestId('verdict');
    const read = async () => {
      const box = (await verdict.boundingBox())!;
      const hidden = await verdict.evaluate(
        (element) =>
          Math.max(0, element.scrollWidth - element.clientWidth) +
          Math.max(0, element.scrollHeight - element.clientHeight),
      );
      const { violations } = await new AxeBuilder({ page })
        .setLegacyMode(true)
        .include('[data-testid="verdict"]')
        .analyze();
      expect({ hidden, violations }).toEqual({ hidden: 0, violations: [] });
      expect(box.x + box.width).toBeLessThanOrEqual(1024);
      expect(box.y + box.height).toBeLessThanOrEqual(700);
    };
    expect(await verdict.innerText()).toMatch(/readable/);
    await read();
    await verdict.locator('summary').click();
    await read();
    await verdict.locator('summary').click();
    await page.setViewportSize(before);
  });

  test('what a logit lens is, is told by keyboard with the numbers of this trace', async () => {
    const { page, workbench } = app();
    const [newest] = await workbench.client.traces.list({ limit: 1 });
    await page.getByTestId('explain-lens').focus();
    await page.keyboard.press('Enter');
    const dialog = page.getByRole('dialog');
    await dialog.waitFor();
    const check = () => new AxeBuilder({ page }).setLegacyMode(true).include('[role="dialog"]').analyze();
    expect((await check()).violations).toEqual([]);
    await page.getByTestId('lens-explained-next').focus();
    await page.keyboard.press('Enter');
    expect(await dialog.locator('.block').count()).toBe(newest!.numLayers - 1);
    await page.keyboard.press('Enter');
    const cells = await dialog.locator('tbody td').allInnerTexts();
    expect(cells.at(-3)).toBe(String(newest!.numLayers - 1));
    expect(cells.at(-1)).toMatch(/%/);
    expect((await check()).violations).toEqual([]);
    await page.keyboard.press('Enter');
    expect(await dialog.innerText()).toContain('stands above every control');
    await page.keyboard.press('Enter');
    await dialog.waitFor({ state: 'detached' });
  });

  test('every figure of a trace says how to read it', async () => {
    const { page } = app();
    const figures = page.locator('figure.figure');
    expect(await figures.count()).toBeGreaterThanOrEqual(4);
    for (const figure of await figures.all()) {
      const button = figure.locator('[data-testid^="how-to-"]');
      const words = page.locator(`[id="${await button.getAttribute('aria-controls')}"]`);
      expect(await words.isVisible()).toBe(false);
      await button.click();
      expect(await words.isVisible()).toBe(true);
      expect((await words.innerText()).length).toBeGreaterThan(100);
      await button.click();
      expect(await words.isVisible()).toBe(false);
    }
  });

  test('the menu of concepts is scrolled to its end in a low window', async () => {
    const { page } = app();
    const before = page.viewportSize()!;
    await page.setViewportSize({ width: 1024, height: 420 });
    await page.getByTestId('choose-concepts').click();
    const menu = page.getByRole('menu');
    await menu.waitFor();
    const box = (await menu.boundingBox())!;
    expect(box.y).toBeGreaterThanOrEqual(0);
    expect(box.y + box.height).toBeLessThanOrEqual(420);
    const last = page.getByRole('menuitemcheckbox').last();
    await page.keyboard.press('End');
    await expect.poll(async () => ((await last.boundingBox())?.y ?? 1e6) < box.y + box.height).toBe(true);
    const wasOn = await last.getAttribute('aria-checked');
    await last.click();
    await expect.poll(() => last.getAttribute('aria-checked')).not.toBe(wasOn);
    await last.click();
    await page.keyboard.press('Escape');
    await menu.waitFor({ state: 'detached' });
    await page.setViewportSize(before);
  });

  test('both eyes of a patient are traced and compared', async () => {
    const { page, visit, workbench } = app();
    const idle = async () => {
      const { counts } = await workbench.client.tasks.counts();
      return counts.queued + counts.running === 0;
    };
    const { items } = await workbench.client.images.page({ query: { sort: 'patient' }, limit: 20 });
    const [right] = items.filter(({ laterality, patientId }) => laterality === 'R' && patientId !== null);
    const left = items.find((card) => card.patientId === right!.patientId && card.laterality === 'L')!;
    await visit('/library');
    await page.locator(`[data-image-id="${right!.id}"]`).click();
    await page.locator(`[data-image-id="${left.id}"]`).click({ modifiers: ['Control'] });
    await page.getByTestId('trace-selection').click();
    await page.getByTestId('start-trace').click();
    await expect
      .poll(() => workbench.client.traces.list({ imageId: left.id }), { timeout: 150_000 })
      .toHaveLength(1);
    await expect.poll(idle, { timeout: 150_000 }).toBe(true);
    await page.getByTestId('compare-selection').click();
    await page.getByTestId('compare-photo').nth(1).waitFor();
    await page.getByTestId('emergence-table').waitFor();
    expect(await page.getByTestId('compare-photo').count()).toBe(2);
    const output = page.getByTestId('layer-output');
    const before = await output.innerText();
    await page.keyboard.press(',');
    await expect.poll(() => output.innerText()).not.toBe(before);
    await page.getByTestId('swap').click();
  });
}

/** The overlay's pixels, short. */
function pictureOf({ page }: RunningApp): Promise<string> {
  return page.getByTestId('overlay-canvas').evaluate((element) => {
    const pixels = (element as HTMLCanvasElement).getContext('2d')!;
    const { data } = pixels.getImageData(
      0,
      0,
      (element as HTMLCanvasElement).width,
      (element as HTMLCanvasElement).height,
    );
    let hash = 0;
    for (let index = 0; index < data.length; index += 97) hash = (Math.imul(hash, 31) + data[index]!) | 0;
    return String(hash);
  });
}
