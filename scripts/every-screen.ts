import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import sharp from 'sharp';
import { startApp } from '../e2e/running-app.ts';
import type { RunningApp } from '../e2e/running-app.ts';
import { tracedPhotographs } from '../e2e/traced-photographs.ts';

/**
 * `npm run screens -- FOLDER [NAME…]`: every screen (or those named) in both languages and themes at 1440×900 and 1024×700, to
 * be looked at, with the four pictures of a size on one sheet. Says of each what a machine can say: what is wider than the
 * window, and which texts are cut off without a tooltip that tells them.
 */
interface Screen {
  readonly name: string;
  readonly route: string;
  /** What must be there before the picture is taken. */
  readonly ready: string;
  /** Brings the screen into the state that is looked at. */
  readonly prepare?: (page: Page) => Promise<unknown>;
}

const sizes = [
  { width: 1440, height: 900 },
  { width: 1024, height: 700 },
] as const;
const looks = (['en', 'ru'] as const).flatMap((language) =>
  (['light', 'dark'] as const).map((theme) => ({ language, theme })),
);

const [folder, ...named] = process.argv.slice(2);
if (folder === undefined) throw new Error('a folder is expected: npm run screens -- FOLDER [NAME…]');
mkdirSync(folder, { recursive: true });

const app = await startApp();
try {
  const { page, visit, workbench } = app;
  await workbench.client.settings.patch({ tourDone: true });
  const screens = (await everyScreen(app)).filter(({ name }) => named.length === 0 || named.includes(name));
  const taken = new Map<string, string[]>();
  for (const { language, theme } of looks) {
    await workbench.client.settings.patch({ language, theme });
    for (const size of sizes) {
      await page.setViewportSize(size);
      await page.reload();
      for (const { name, route, ready, prepare } of screens) {
        const picture = join(folder, `${name}-${language}-${theme}-${size.width}.png`);
        try {
          await visit(route);
          await page.locator(ready).first().waitFor();
          await prepare?.(page);
          await page.evaluate(() => document.fonts.ready);
          await page.waitForTimeout(700);
        } catch (error) {
          process.stdout.write(`${name}, ${language}, ${size.width}: ${String(error).split('\n')[0]!}\n`);
        }
        await page.screenshot({ path: picture });
        for (const line of await faultsOf(page))
          process.stdout.write(`${name}, ${language}, ${size.width}: ${line}\n`);
        const sheet = `${name}-${size.width}`;
        taken.set(sheet, [...(taken.get(sheet) ?? []), picture]);
        await page.keyboard.press('Escape');
      }
    }
  }
  for (const [sheet, pictures] of taken) await lay(pictures, join(folder, `sheet-${sheet}.png`));
  process.stdout.write(`${screens.length} screens in ${folder}\n`);
} finally {
  await app.close();
}

async function everyScreen(running: RunningApp): Promise<Screen[]> {
  const { client } = running.workbench;
  const traces = await tracedPhotographs(running);
  const trace = traces[0]!;
  const imageId = trace.imageId!;
  const { items } = await client.images.page({ query: { sort: 'patient' }, limit: 12 });
  const { image } = await client.images.get({ id: imageId });
  const [model] = await client.models.list();
  const chosen = { ids: items.slice(0, 6).map(({ id }) => id) };
  const experiment = await client.experiments.notebook({ images: chosen, modelId: model!.id });
  await client.experiments.run({ id: experiment.id });
  while ((await client.experiments.get({ id: experiment.id })).summary.progress.state !== 'done')
    await new Promise((resolve) => setTimeout(resolve, 500));
  const groups = await Promise.all(
    [items.slice(0, 3), items.slice(3, 6)].map(async (members, index) => {
      const group = await client.groups.create({ name: index === 0 ? 'DR' : 'No DR' });
      await client.groups.addImages({ id: group.id, images: { ids: members.map(({ id }) => id) } });
      return group.id;
    }),
  );
  const open = (testid: string) => (page: Page) => page.getByTestId(testid).first().click();
  const toEnd = (page: Page) =>
    page.evaluate(() => {
      for (const element of document.querySelectorAll('*'))
        if (element.scrollHeight > element.clientHeight + 40 && element.clientHeight > 200)
          element.scrollTop = element.scrollHeight;
    });
  const onlyReady = (name: string, route: string, ready: string) => ({ name, route, ready });
  return [
    onlyReady('library', '/library', '[data-testid="image-cell"]'),
    {
      ...onlyReady('library-detail', '/library', '[data-testid="image-cell"]'),
      prepare: async (page) => {
        await page.getByTestId('image-cell').nth(1).click();
        await page.getByTestId('detail-panel').waitFor();
      },
    },
    onlyReady('photograph', `/images/${imageId}`, 'canvas, img'),
    onlyReady('protocol', `/images/${imageId}/protocol`, 'main form, main fieldset, main h1'),
    onlyReady('drawing', `/images/${imageId}/drawing`, 'main h1'),
    onlyReady('decoded', `/images/${imageId}/decoded`, 'table'),
    onlyReady('patient', `/patients/${image.patientId!}`, 'main h1'),
    onlyReady('traces', '/trace', 'main h1'),
    onlyReady('trace', `/trace/${trace.id}`, '[data-testid="overlay-canvas"]'),
    {
      ...onlyReady('trace-how-to', `/trace/${trace.id}`, '[data-testid="overlay-canvas"]'),
      prepare: async (page) => {
        await open('how-to-heat-strip')(page);
        await open('how-to-concept-curves')(page);
      },
    },
    ...[0, 1, 2, 3].map((step) => ({
      ...onlyReady(`explained-${step + 1}`, `/trace/${trace.id}`, '[data-testid="overlay-canvas"]'),
      prepare: async (page: Page) => {
        await open('explain-lens')(page);
        for (let done = 0; done < step; done++) await open('lens-explained-next')(page);
      },
    })),
    onlyReady(
      'compare',
      `/compare?traces=${traces.map(({ id }) => id).join(',')}`,
      '[data-testid="emergence-table"]',
    ),
    onlyReady('experiments', '/experiments', 'main h1'),
    onlyReady('new-experiment', '/experiments/new', 'main h1'),
    onlyReady('experiment', `/experiments/${experiment.id}`, '[data-testid="photograph-results"]'),
    { ...onlyReady('experiment-end', `/experiments/${experiment.id}`, '[data-testid="photograph-results"]'), prepare: toEnd }, // prettier-ignore
    onlyReady('group', `/group/${groups[0]!}`, 'main h1'),
    onlyReady('tasks', '/tasks', 'main h1'),
    onlyReady('models', '/models', 'main h1'),
    onlyReady('decoders', '/decoders', 'figure'),
    onlyReady('lenses', '/lenses', 'main h1, main h2'),
    onlyReady('concepts', '/concepts', 'main h1'),
    onlyReady('settings', '/settings', 'main h1'),
    { ...onlyReady('settings-end', '/settings', 'main h1'), prepare: toEnd },
    onlyReady('help', '/help', '[data-testid="glossary"]'),
    { ...onlyReady('help-end', '/help', '[data-testid="glossary"]'), prepare: toEnd },
  ];
}

/** What is seen to be wrong without eyes. */
function faultsOf(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const wide = document.documentElement.scrollWidth - document.documentElement.clientWidth;
    const cut = [
      ...document.querySelectorAll<HTMLElement>('button, a, h1, h2, h3, th, td, label, dt, dd, p, span'),
    ]
      .filter((element) => {
        const style = getComputedStyle(element);
        const hides =
          style.overflowX !== 'visible' && style.overflowX !== 'auto' && style.overflowX !== 'scroll';
        const told = element.closest('[title], [aria-label], .visually-hidden') !== null;
        return hides && !told && element.clientWidth > 4 && element.scrollWidth > element.clientWidth + 1;
      })
      .map((element) => `cut off: “${element.innerText.trim().slice(0, 60)}”`);
    return [...(wide > 0 ? [`${wide} px wider than the window`] : []), ...new Set(cut)];
  });
}

/** Lays pictures of one size beside each other, two in a row. */
async function lay(pictures: readonly string[], sheet: string): Promise<void> {
  const { width, height } = await sharp(pictures[0]).metadata();
  const gap = 8;
  await sharp({
    create: {
      width: 2 * width + gap,
      height: Math.ceil(pictures.length / 2) * (height + gap) - gap,
      channels: 3,
      background: '#888',
    },
  })
    .composite(
      pictures.map((input, index) => ({
        input,
        left: (index % 2) * (width + gap),
        top: Math.floor(index / 2) * (height + gap),
      })),
    )
    .png()
    .toFile(sheet);
}
