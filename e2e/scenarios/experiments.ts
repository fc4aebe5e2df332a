import { AxeBuilder } from '@axe-core/playwright';
import { expect, test } from 'vitest';
import { experimentResultsSchema } from '../../electron/contract/experiments.ts';
import { download } from '../download.ts';
import { readPdfText } from '../pdf-text.ts';
import type { RunningApp } from '../running-app.ts';

/** A question about several photographs: asked in one click, held up, gone on with, read, and taken out as files. */
export function experiments(app: () => RunningApp): void {
  let experimentId = 0;
  let yaml: Buffer | undefined;
  const state = () => app().page.getByTestId('experiment-state').getAttribute('data-state');
  const summary = async () => {
    const { client } = app().workbench;
    return (await client.experiments.get({ id: experimentId })).summary;
  };

  test('the notebook’s experiment is one click on a selection, and can be paused, cancelled and gone on with', async () => {
    const { engine, page, visit, workbench } = app();
    await workbench.client.settings.patch({ tourDone: true, language: 'en' });
    await page.reload();
    await visit('/library');
    await page.getByTestId('image-cell').first().waitFor();
    await page.getByTestId('image-grid').focus();
    await page.keyboard.press('Home');
    await page.keyboard.press('Space');
    await page.keyboard.press('Shift+ArrowRight');
    await page.keyboard.press('Shift+ArrowRight');
    await page.getByTestId('selection-panel').waitFor();
    engine.hold();
    await page.getByTestId('notebook-experiment').click();
    await page.getByTestId('experiment-run').waitFor();
    experimentId = Number(/experiments\/(\d+)/.exec(page.url())![1]);
    await expect.poll(state).toBe('running');
    expect(await page.getByTestId('experiment-progress').innerText()).toContain('0 of 6 traces');
    await page.getByTestId('pause-experiment').click();
    await expect.poll(state).toBe('paused');
    await page.getByTestId('run-experiment').click();
    await expect.poll(state).toBe('running');
    await page.getByTestId('cancel-experiment').click();
    await expect.poll(async () => (await summary()).progress.state).toBe('new');
    await expect.poll(state).toBe('new');
    await page.getByTestId('run-experiment').click();
    await expect.poll(state).toBe('running');
    engine.release();
    await expect.poll(state, { timeout: 400_000, interval: 500 }).toBe('done');
    await page.getByTestId('experiment-run').waitFor({ state: 'detached' });
  }, 600_000);

  test('the page says what came out, shows both readings, and leads to every trace', async () => {
    const { page, visit, workbench } = app();
    const { client } = workbench;
    const results = await client.experiments.results({ id: experimentId });
    await visit(`/experiments/${experimentId}`);
    await page.getByTestId('photograph-results').waitFor({ timeout: 60_000 });
    const verdict = await page.getByTestId('experiment-verdict').innerText();
    for (const line of results.verdict.en) expect(verdict).toContain(line);
    expect(await page.getByTestId('experiment-difference').innerText()).toBe(results.difference!.en);
    expect(await page.getByTestId('hypothesis-table').locator('tbody tr').count()).toBe(1);
    for (const figure of ['notebook-ranks', 'notebook-tokens', 'corrected-tokens', 'leading-tokens'])
      await page.getByTestId(`figure-${figure}`).locator('canvas, svg').first().waitFor();
    const [, corrected] = results.conditions;
    const subject = corrected!.concepts.find(({ label }) => label.en === results.subject!.en)!;
    if (subject.curves !== null) {
      await page.getByTestId('export-concept-odds').click();
      const csv = (await download(page.getByTestId('export-csv'), /\.csv$/)).toString();
      const { patients, photographs } = subject.curves;
      expect(csv).toContain(`${subject.id},${patients},0,${photographs.mean[0]!}`);
    }
    await page.getByTestId('choose-condition').click();
    await page.locator('[role="option"][data-value="0"]').click();
    await page.getByTestId('figure-condition-ranks').waitFor();
    const methods = await page.getByTestId('experiment-methods').innerText();
    for (const line of results.methods.en) expect(methods).toContain(line);
    expect(methods).toContain(results.provenance.planSha256);
    expect(await page.getByTestId('photograph-row').count()).toBe(3);
    expect(await page.getByTestId('trace-link').count()).toBe(6);
    await page.getByTestId('trace-link').first().click();
    await page.getByTestId('trace-view').waitFor();
    expect(page.url()).toContain(`/trace/${results.photographs[0]!.cells[0]!.traceId!}`);
    await page.goBack();
    await page.getByTestId('photograph-results').waitFor();
  });

  test('everything leaves as a file that is what it says', async () => {
    const { page } = app();
    const save = async (format: string) => {
      await page.getByTestId('export-experiment').click();
      return download(page.getByTestId(`experiment-${format}`), new RegExp(`\\.${format}$`));
    };
    expect(readPdfText(await save('pdf'))).toContain('Hypothesis');
    expect((await save('html')).toString()).toContain('Descripte this image.');
    const zip = await save('zip');
    for (const name of ['experiment.yaml', 'results.pdf', 'results.parquet', 'figures/1-notebook.png'])
      expect({ name, there: zip.includes(name) }).toEqual({ name, there: true });
    expect((await save('csv')).toString()).toContain('log_odds_nats');
    expect((await save('parquet')).subarray(0, 4).toString()).toBe('PAR1');
    const json: unknown = JSON.parse((await save('json')).toString());
    expect(experimentResultsSchema.parse(json).photographs).toHaveLength(3);
    yaml = await save('yaml');
    expect(yaml.toString()).toContain((await summary()).planSha256);
  });

  test('an experiment is stated by hand, with a hypothesis and its threshold', async () => {
    const { page, visit, workbench } = app();
    const { client } = workbench;
    await visit('/experiments');
    await page.getByTestId('new-experiment').click();
    await page.getByTestId('pick-photograph').first().waitFor();
    expect(await page.getByTestId('start-experiment').isDisabled()).toBe(true);
    await page.getByTestId('experiment-title').fill('Читается ли сетчатка?');
    // The selection of the library is here already; one more is picked.
    await expect.poll(() => page.getByTestId('experiment-size').innerText()).toContain('photographs 3 ');
    await page.getByTestId('pick-photograph').nth(3).check();
    await expect.poll(() => page.getByTestId('experiment-size').innerText()).toMatch(/^4 traces/);
    await page.getByTestId('add-hypothesis').click();
    await page.getByTestId('hypothesis-percent').fill('60');
    await page.keyboard.press('Tab');
    await page.getByTestId('start-experiment').click();
    await expect.poll(() => page.url()).toMatch(/experiments\/\d+$/);
    experimentId = Number(/experiments\/(\d+)/.exec(page.url())![1]);
    const { file } = await client.experiments.get({ id: experimentId });
    expect(file.hypotheses).toMatchObject([{ expect: 'readable', by: null, share: 0.6 }]);
    expect(file.fixed!.sha256).toBe((await summary()).planSha256);
    await expect.poll(state, { timeout: 400_000, interval: 500 }).toBe('done');
    await page.getByTestId('hypothesis-table').waitFor({ timeout: 60_000 });
    expect(await page.getByTestId('hypothesis-table').innerText()).toContain('60%');
  }, 600_000);

  test('a file of a fixed plan is the same experiment again; one that was changed is refused', async () => {
    const { page, visit, workbench } = app();
    const { client } = workbench;
    const before = (await client.experiments.list()).length;
    const open = async (text: string) => {
      await visit('/experiments');
      await page.getByTestId('experiment-file').setInputFiles({
        name: 'plan.yaml',
        mimeType: 'application/yaml',
        buffer: Buffer.from(text),
      });
    };
    await open(yaml!.toString());
    await page.getByTestId('experiment-view').waitFor();
    await expect.poll(state).toBe('done');
    expect(await client.experiments.list()).toHaveLength(before);
    await open(yaml!.toString().replace('share: 0.5', 'share: 0.1'));
    await page.getByText('This is not the plan that was fixed.').first().waitFor();
    expect(await client.experiments.list()).toHaveLength(before);
    await page.keyboard.press('Escape');
    const [first] = await client.experiments.list();
    await visit(`/experiments/${first!.id}`);
    await page.getByTestId('another-experiment').and(page.locator(':enabled')).click();
    await expect.poll(() => page.getByTestId('experiment-title').inputValue()).toBe(first!.title);
    await expect.poll(() => page.getByTestId('hypothesis-row').count()).toBe(1);
  });

  test('axe finds nothing in list, form and results', async () => {
    const { page, visit, workbench } = app();
    const found: string[] = [];
    for (const language of ['en', 'ru'] as const) {
      for (const theme of ['light', 'dark'] as const) {
        await workbench.client.settings.patch({ language, theme });
        await page.reload();
        for (const [view, mark] of [
          ['/experiments', 'experiment-card'],
          ['/experiments/new', 'pick-photograph'],
          [`/experiments/${experimentId}`, 'photograph-row'],
        ] as const) {
          await visit(view);
          await page.getByTestId(mark).first().waitFor({ timeout: 120_000 });
          await page.waitForTimeout(500);
          const { violations } = await new AxeBuilder({ page }).setLegacyMode(true).analyze();
          found.push(
            ...violations.map(({ id, nodes }) => `${view} ${theme} ${id} ${nodes[0]!.html.slice(0, 160)}`),
          );
        }
      }
    }
    expect(found).toEqual([]);
  }, 600_000);

  test('a removed experiment leaves its traces', async () => {
    const { page, visit, workbench } = app();
    const { client } = workbench;
    await client.settings.patch({ language: 'en' });
    const traces = (await client.traces.list({ limit: 100 })).length;
    await visit(`/experiments/${experimentId}`);
    await page.getByTestId('remove-experiment').click();
    await page.getByTestId('confirm-remove-experiment').click();
    await page.getByTestId('experiments-view').waitFor();
    await expect.poll(() => page.getByTestId('experiment-card').count()).toBe(1);
    expect(await client.traces.list({ limit: 100 })).toHaveLength(traces);
  });
}
