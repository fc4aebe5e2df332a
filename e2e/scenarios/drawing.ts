import { AxeBuilder } from '@axe-core/playwright';
import { expect, test } from 'vitest';
import type { DrawnShape } from '../../electron/protocol/geometry/drawing.ts';
import type { RunningApp } from '../running-app.ts';

/** A photograph is drawn on, by keys and by mouse, and what is measured is what geometry says. */
export function drawing(app: () => RunningApp): void {
  const imageId = async () => (await app().workbench.client.images.ids({ query: { sort: 'patient' } }))[0]!;
  const saved = async (): Promise<DrawnShape[]> =>
    (await app().workbench.client.drawings.list({ imageId: await imageId() }))[0]?.drawing.shapes ?? [];
  const size = (id: string) => app().page.getByTestId(`size-${id}`).innerText();
  const press = async (key: string, times = 1) => {
    for (let time = 0; time < times; time++) await app().page.keyboard.press(key);
  };

  test('a known ellipse is drawn by keys alone, and measures what it should', async () => {
    const { page, visit, workbench } = app();
    await workbench.client.settings.patch({ tourDone: true });
    await page.reload();
    await visit(`/images/${await imageId()}`);
    await page.getByTestId('photograph-view').waitFor();
    await press('m');
    await page.getByTestId('drawing-view').waitFor();
    await page.locator('[data-testid="image-viewer"][data-state="ready"]').waitFor();
    await page.getByTestId('drawing-scale').waitFor({ state: 'attached' });
    // Half axes of 50 and 60 px around the middle of the photograph.
    await press('1');
    await press('Shift+ArrowLeft', 5);
    await press('Shift+ArrowUp', 6);
    await press('Space');
    await press('Shift+ArrowRight', 10);
    await press('Shift+ArrowDown', 12);
    await press('Enter');
    await expect.poll(() => size('discArea')).toBe(`${thousands(Math.PI * 50 * 60)} px²`);
    expect(await size('discCircumference')).toBe(`${Math.round(perimeter(50, 60))} px`);
    // Half axes of 20 and 30 px.
    await press('2');
    await press('Shift+ArrowLeft', 2);
    await press('Shift+ArrowUp', 3);
    await press('Space');
    await press('Shift+ArrowRight', 4);
    await press('Shift+ArrowDown', 6);
    await press('Enter');
    await expect.poll(() => size('vertical')).toBe('0.50');
    expect([await size('horizontal'), await size('area')]).toEqual(['0.40', '0.20']);
    await press('3');
    await press('Alt+ArrowRight');
    await press('Shift+ArrowRight', 2);
    await press('Enter');
    await expect.poll(() => size('discToFovea')).toBe(`120 px · ${(60 / Math.sqrt(3000)).toFixed(2)} DD`);
    // A corner is begun and abandoned: nothing stays of it.
    await press('1');
    await press('ArrowLeft');
    await press('Space');
    await press('Escape');
    await press('Escape');
    await page.getByTestId('drawn-2').waitFor();
    await expect.poll(() => page.getByTestId('drawn-3').count()).toBe(0);
    const { violations } = await new AxeBuilder({ page }).setLegacyMode(true).analyze();
    expect(violations.map(({ id, nodes }) => [id, nodes.map(({ html }) => html)])).toEqual([]);
  });

  test('it is kept, and the protocol takes what was measured', async () => {
    const { page, visit, workbench } = app();
    await press('Control+s');
    await expect.poll(() => page.getByTestId('drawing-state').innerText()).toContain('1');
    const shapes = await saved();
    expect(shapes.map(({ of }) => of)).toEqual(['disc', 'cup', 'fovea']);
    expect(shapes[0]!.shape).toMatchObject({ kind: 'ellipse', radii: [50, 60] });
    const id = await imageId();
    const [version] = await workbench.client.protocols.list({ imageId: id });
    const { protocol } = await workbench.client.protocols.get({ id: version!.id });
    expect(protocol.values).toMatchObject({
      'disc.cup-disc-ratio': { value: 0.5, source: 'measured' },
      'disc.area': { value: Math.round(Math.PI * 3000), source: 'measured' },
    });
    await visit(`/images/${id}/protocol`);
    await page.getByTestId('field-disc.cup-disc-ratio').getByTestId('origin').waitFor();
    expect(await page.getByTestId('field-disc.cup-disc-ratio').locator('input').inputValue()).toBe('0.5');
    await page.getByTestId('shape-layer').waitFor();
    await page.getByTestId('place-disc.cup-disc-ratio').click();
    await expect.poll(() => page.locator('[data-testid="shape-layer"] .selected').count()).toBe(2);
    await page.getByTestId('draw-on-photograph').click();
    await page.getByTestId('drawn-2').waitFor();
  });

  test('the mouse draws, moves, measures a distance, and everything is undone', async () => {
    const { page } = app();
    await page.getByTestId('drawing-scale').waitFor({ state: 'attached' });
    const { toScreen, scale } = await placeOf(app());
    const [x, y] = ellipseCentre(await saved());
    await page.getByTestId('draw-lesion').click();
    await page.getByRole('option', { name: /exudates/i }).click();
    await page.getByRole('radio', { name: 'Ellipse' }).click();
    const [from, to] = [toScreen(x - 140, y - 90), toScreen(x - 80, y - 50)];
    await drag(app(), from, to);
    await page.getByTestId('drawn-3').waitFor();
    await press('Escape');
    const held = toScreen(x - 110, y - 90);
    await drag(app(), held, [held[0] + 30, held[1]]);
    await press('Control+s');
    await expect.poll(async () => (await saved()).length).toBe(4);
    const lesion = (await saved())[3]!;
    expect(lesion.of).toBe('lesions.hard-exudates');
    if (lesion.shape.kind !== 'ellipse') throw new Error('no ellipse was drawn');
    const near = 2 / scale;
    expect(Math.abs(lesion.shape.radii[0] - 30)).toBeLessThan(near);
    expect(Math.abs(lesion.shape.radii[1] - 20)).toBeLessThan(near);
    expect(Math.abs(lesion.shape.centre[0] - (x - 110 + 30 / scale))).toBeLessThan(near);
    await press('Delete');
    await expect.poll(() => page.getByTestId('drawn-3').count()).toBe(0);
    await press('Control+z');
    await page.getByTestId('drawn-3').waitFor();
    await press('Control+Shift+z');
    await expect.poll(() => page.getByTestId('drawn-3').count()).toBe(0);
    await press('m');
    await drag(app(), toScreen(x, y), toScreen(x + 80, y + 60));
    await expect
      .poll(() => page.getByTestId('ruler-length').textContent())
      .toMatch(/^(99|100|101) px · 0\.9\d DD$/);
    await press('h');
    await expect.poll(() => page.locator('[data-testid="drawing-layer"] .mark').count()).toBe(0);
    await press('h');
  });

  test('a contour that crosses itself is said, refused, and taken back', async () => {
    const { page } = app();
    const { toScreen } = await placeOf(app());
    const [x, y] = ellipseCentre(await saved());
    await press('1');
    await press('p');
    for (const [dx, dy] of [
      [-60, -60],
      [60, 60],
      [60, -60],
      [-60, 60],
    ] as const) {
      await page.mouse.click(...toScreen(x + dx, y + dy));
    }
    await press('Enter');
    await page.getByTestId('drawing-fault').waitFor();
    const before = await saved();
    await press('Control+s');
    await page.locator('.toast').first().waitFor();
    expect(await saved()).toEqual(before);
    await press('Control+z');
    await expect.poll(() => page.getByTestId('drawing-fault').count()).toBe(0);
    await press('Control+s');
    await expect.poll(async () => (await saved()).length).toBe(3);
    await page.getByTestId('drawing-history').click();
    await page.getByTestId('take-2').click();
    await page.getByTestId('drawn-3').waitFor();
    await expect.poll(() => page.getByTestId('drawing-state').innerText()).toMatch(/not saved/i);
    const { violations } = await new AxeBuilder({ page }).setLegacyMode(true).analyze();
    expect(violations.map(({ id, nodes }) => [id, nodes.map(({ html }) => html)])).toEqual([]);
  });
}

function thousands(value: number): string {
  return new Intl.NumberFormat('en-GB', { maximumFractionDigits: 0 }).format(value);
}

/** Of an ellipse, by quadrature: another way than the software's. */
function perimeter(a: number, b: number): number {
  const steps = 20_000;
  let sum = 0;
  for (let step = 0; step < steps; step++) {
    const angle = (2 * Math.PI * step) / steps;
    sum += Math.hypot(a * Math.sin(angle), b * Math.cos(angle));
  }
  return (sum * 2 * Math.PI) / steps;
}

function ellipseCentre(shapes: readonly DrawnShape[]): readonly [number, number] {
  const disc = shapes.find(({ of }) => of === 'disc')!.shape;
  if (disc.kind !== 'ellipse') throw new Error('the disc is no ellipse');
  return disc.centre;
}

/** From pixels of the photograph to those of the window. */
async function placeOf({ page }: RunningApp) {
  const [a, d, e, f] = await page.getByTestId('drawing-scale').evaluate((group) => {
    const matrix = (group as SVGGElement).getScreenCTM()!;
    return [matrix.a, matrix.d, matrix.e, matrix.f] as const;
  });
  return {
    scale: a,
    toScreen: (x: number, y: number): [number, number] => [a * x + e, d * y + f],
  };
}

async function drag(
  { page }: RunningApp,
  from: readonly [number, number],
  to: readonly [number, number],
): Promise<void> {
  await page.mouse.move(...from);
  await page.mouse.down();
  await page.mouse.move((from[0] + to[0]) / 2, (from[1] + to[1]) / 2, { steps: 3 });
  await page.mouse.move(...to, { steps: 3 });
  await page.mouse.up();
}
