import sharp from 'sharp';
import { expect, test } from 'vitest';
import { download } from '../download.ts';
import { unpackTrace } from '../../electron/engine/lens-trace/codec.ts';
import { readPdfText } from '../pdf-text.ts';
import { openTrace } from '../open-trace.ts';
import type { RunningApp } from '../running-app.ts';

/** Every kind of file that leaves the app is opened and looked into. */
export function exports(app: () => RunningApp): void {
  const figureIds = async () => {
    const ids = await app()
      .page.locator('figure[data-testid^="figure-"]')
      .evaluateAll((figures) =>
        figures.map((figure) => figure.getAttribute('data-testid')!.slice('figure-'.length)),
      );
    return ids;
  };

  test('figures as PNG, SVG and CSV', async () => {
    await openTrace(app());
    const { page } = app();
    await page.locator('figure[data-testid^="figure-"]').first().waitFor();
    const ids = await figureIds();
    expect(ids.length).toBeGreaterThanOrEqual(3);
    for (const id of ids) {
      const svg = (await save(id, 'svg')).toString();
      expect(svg).toMatch(/^<svg|^<\?xml/);
      expect(svg).not.toMatch(/<script|href="http/);
    }
    const png = await sharp(await save(ids[0]!, 'png')).metadata();
    expect(png).toMatchObject({ format: 'png' });
    expect(png.width).toBeGreaterThanOrEqual(900);
    const csv = (await save(ids[0]!, 'csv')).toString();
    const [first, ...rows] = csv
      .trim()
      .split(/\r?\n/)
      .filter((line) => !line.startsWith('#'));
    expect(first!.split(',').length).toBeGreaterThan(1);
    expect(rows.length).toBeGreaterThan(1);
  });

  test('a figure and the photograph with its overlay are copied as pictures', async () => {
    const { context, page } = app();
    await context.grantPermissions(['clipboard-read', 'clipboard-write']);
    const widthOnClipboard = () =>
      page.evaluate(async () => {
        const [item] = await navigator.clipboard.read();
        return (await createImageBitmap(await item!.getType('image/png'))).width;
      });
    await page.getByTestId('export-uncertainty').click();
    await page.getByTestId('copy-figure').click();
    await expect.poll(widthOnClipboard).toBe(1800);
    await page.getByTestId('copy-overlay').click();
    await expect.poll(widthOnClipboard).not.toBe(1800);
    await context.clearPermissions();
  });

  async function save(id: string, format: 'png' | 'svg' | 'csv'): Promise<Buffer> {
    const { page } = app();
    const trigger = page.locator(`figure[data-testid="figure-${id}"] button[data-testid="export-${id}"]`);
    await trigger.scrollIntoViewIfNeeded();
    await trigger.click();
    const item = page.locator(`[role="menuitem"][data-testid="export-${format}"]`);
    return download(item, new RegExp(`\\.${format}$`));
  }

  test('the photograph with its overlay as PNG', async () => {
    const picture = await download(app().page.getByTestId('save-overlay'), /\.png$/);
    expect(await sharp(picture).metadata()).toMatchObject({ format: 'png' });
  });

  test('all numbers of a trace as CSV and JSON', async () => {
    const { page } = app();
    const { numLayers, numPositions, topK } = await openTrace(app());
    await page.getByTestId('export-trace').click();
    const csv = (await download(page.getByTestId('export-trace-csv'), /\.csv$/)).toString();
    // Tokens may hold line breaks; inside quotes they are no end of a row.
    const rows = csv
      .replace(/"[^"]*"/g, '')
      .trim()
      .split(/\r?\n/)
      .filter((line) => !line.startsWith('#'));
    expect(rows).toHaveLength(1 + numLayers * numPositions * topK);
    await page.getByTestId('export-trace').click();
    const json = JSON.parse(
      (await download(page.getByTestId('export-trace-json'), /\.json$/)).toString(),
    ) as unknown;
    expect(JSON.stringify(json)).toContain('fundus-lens.trace/1');
  });

  test('an animation over the layers as WebM, which this browser plays', async () => {
    const { page } = app();
    const { numLayers } = await openTrace(app());
    await page.getByTestId('export-trace').click();
    await page.getByTestId('export-animation').click();
    const form = page.getByTestId('animation-form');
    for (const value of ['webm', '8', '480']) await form.locator(`[data-value="${value}"]`).click();
    const film = await download(page.getByTestId('animation-form-save'), /\.webm$/);
    await form.waitFor({ state: 'detached' });
    // The app's own pages may not load films.
    const player = await app().browser.newPage();
    const shown = await player.evaluate(async (base64) => {
      const video = document.createElement('video');
      const bytes = Uint8Array.from(atob(base64), (sign) => sign.charCodeAt(0));
      video.src = URL.createObjectURL(new Blob([bytes], { type: 'video/webm' }));
      const event = (name: string) =>
        new Promise((done, fail) => {
          video.addEventListener(name, done, { once: true });
          video.addEventListener('error', fail, { once: true });
        });
      await event('loadeddata');
      video.currentTime = video.duration - 1;
      await event('seeked');
      return { width: video.videoWidth, height: video.videoHeight, duration: video.duration };
    }, film.toString('base64'));
    await player.close();
    expect(shown.width).toBe(480);
    expect(shown.height).toBeGreaterThan(480 / 2);
    expect(shown.duration).toBeCloseTo((numLayers - 1) / 8 + 2, 1);
  });

  test('a PDF report that says what it is', async () => {
    const { page, workbench } = app();
    const { id, imageId, modelSha256 } = await openTrace(app());
    const { model } = unpackTrace(await (await workbench.client.traces.cells({ id })).arrayBuffer());
    const { patient } = await workbench.client.images.get({ id: imageId! });
    await page.getByTestId('export-trace').click();
    const pdf = await download(page.getByTestId('export-pdf'), /\.pdf$/);
    const text = pdf.toString('latin1');
    expect(text.slice(0, 5)).toBe('%PDF-');
    expect(text.trimEnd().slice(-5)).toBe('%%EOF');
    expect(text.match(/\/Type\s*\/Page\b/g)!.length).toBeGreaterThanOrEqual(1);
    expect(text).toMatch(/\/Subtype\s*\/Image/);
    const words = readPdfText(pdf).replace(/\s+/g, ' ');
    expect(words).toContain(patient!.code);
    expect(words).toContain('not a medical device');
    expect(words).toMatch(/is (?:not )?readable|Not asked/);
    // What the screen cautions against, the report does too; what is readable nowhere takes one sentence, not a line each.
    expect(words).toContain('Weak evidence');
    expect(words.match(/\bnever\b/g)?.length ?? 0).toBeLessThan(10);
    expect(words).toContain(modelSha256.slice(0, 12));
    expect(words).toContain(model.device!);
    if (model.providerFallback !== null) expect(words).toContain('instead of auto');
  });
}
