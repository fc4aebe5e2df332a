import { mkdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { startApp } from '../e2e/running-app.ts';
import type { RunningApp } from '../e2e/running-app.ts';

/** `npm run screenshots`: the README's pictures, taken from the running app in both themes. */
const folder = fileURLToPath(new URL('../docs/screenshots', import.meta.url));
mkdirSync(folder, { recursive: true });

const app = await startApp({ viewport: { width: 1440, height: 900 } });
try {
  const { workbench } = app;
  await workbench.client.settings.patch({ tourDone: true });
  const traceIds = await traceBothEyes(app);
  for (const theme of ['dark', 'light'] as const) {
    await workbench.client.settings.patch({ theme });
    await app.page.reload();
    await app.visit('/library');
    await app.page.getByTestId('image-cell').nth(1).click();
    await app.page.getByTestId('detail-panel').waitFor();
    await take(app, `library-${theme}`);
    await app.visit(`/trace/${traceIds[0]!}`);
    await app.page.getByTestId('overlay-canvas').waitFor();
    await take(app, `trace-${theme}`);
    await app.visit(`/compare?traces=${traceIds.join(',')}`);
    await app.page.getByTestId('emergence-table').waitFor();
    await take(app, `compare-${theme}`);
  }
} finally {
  await app.close();
}

/** Traces the first patient's eyes at every position; the traces' ids, right eye first. */
async function traceBothEyes({ workbench: { client } }: RunningApp): Promise<number[]> {
  const { items } = await client.images.page({ query: { sort: 'patient' }, limit: 50 });
  const right = items.find(({ laterality, patientId }) => laterality === 'R' && patientId !== null)!;
  const left = items.find(
    ({ laterality, patientId }) => laterality === 'L' && patientId === right.patientId,
  )!;
  const [model] = await client.models.list();
  const prompt =
    (await client.prompts.list()).find(({ id }) => id === 'one-word') ?? (await client.prompts.list())[0]!;
  const { added } = await client.traces.enqueue({
    images: { ids: [right.id, left.id] },
    modelId: model!.id,
    prompts: [prompt.text.en],
    conceptSetId: 'fundus',
    positions: 'all',
  });
  const traceIds: number[] = [];
  for (const id of added) {
    for (;;) {
      const { state, traceId } = await client.tasks.get({ id });
      if (traceId !== null) {
        traceIds.push(traceId);
        break;
      }
      if (state === 'failed' || state === 'cancelled')
        throw new Error(`the trace of task ${id} ended as ${state}`);
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }
  return traceIds;
}

/** Waits until nothing moves, and keeps the picture. */
async function take({ page }: RunningApp, name: string): Promise<void> {
  await page.waitForLoadState('networkidle');
  await page.evaluate(() => document.fonts.ready);
  await page.waitForTimeout(1200);
  await page.screenshot({ path: `${folder}/${name}.png` });
  process.stdout.write(`docs/screenshots/${name}.png\n`);
}
