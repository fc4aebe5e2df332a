import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { fixtureModel, importFolder, settle, WorkbenchFixture } from '../workbench-fixture.ts';
import type { Workbench } from '../open-workbench.ts';

let fixture = new WorkbenchFixture();
afterEach(async () => {
  await fixture.remove();
  fixture = new WorkbenchFixture();
});

/** The real engine, except that a trace whose prompt says so never ends and never lets its thread go. */
function hangingEngine(): string {
  const script = path.join(fixture.folder, 'engine.mjs');
  const worker = new URL('../../engine/process/worker.ts', import.meta.url).href;
  writeFileSync(
    script,
    `process.on('message', ({ type, request }) => {
  if (type === 'trace' && request.prompt.includes('HANG')) for (;;);
});
await import('${worker}');
`,
  );
  return script;
}

async function enqueue({ client }: Workbench, ids: readonly number[], prompt: string): Promise<string> {
  const [model] = await client.models.list();
  const modelId = model?.id ?? (await client.models.addFolder({ folder: fixtureModel })).id;
  const order = { images: { ids: [...ids] }, modelId, prompts: [prompt], conceptSetId: 'fundus' };
  const { added } = await client.traces.enqueue({ ...order, topK: 3, generate: 0 });
  return added[0]!;
}

const isRunning = async ({ client }: Workbench, id: string) =>
  (await client.tasks.get({ id })).state === 'running';

describe('a trace on an engine that hangs', () => {
  test('is cancelled, and the next job runs', async () => {
    const workbench = await fixture.open({ engine: { workerPath: hangingEngine(), cancelPatience: 500 } });
    const ids = await importFolder(workbench, fixture.source({ 'a_OD.png': 'square-112x112.png' }));
    const hung = await enqueue(workbench, ids, 'HANG please');
    await expect.poll(() => isRunning(workbench, hung), { timeout: 10_000 }).toBe(true);
    await expect.poll(() => workbench.enginePids.length).toBe(1);
    const next = await enqueue(workbench, ids, 'Describe this image.');
    await workbench.client.tasks.cancel({ ids: [hung] });
    const [first, second] = await settle(workbench, [hung, next]);
    expect(first!.state).toBe('cancelled');
    expect(second!.state).toBe('done');
  }, 60_000);

  test('does not keep the workbench from closing: the job goes back and the library is closed', async () => {
    const workbench = await fixture.open({ engine: { workerPath: hangingEngine() } });
    const ids = await importFolder(workbench, fixture.source({ 'a_OD.png': 'square-112x112.png' }));
    const hung = await enqueue(workbench, ids, 'HANG please');
    await expect.poll(() => isRunning(workbench, hung), { timeout: 10_000 }).toBe(true);
    await expect.poll(() => workbench.enginePids.length).toBe(1);
    const started = Date.now();
    await workbench.close();
    expect(Date.now() - started).toBeLessThan(6000);
    const again = await fixture.open({ runQueue: false });
    expect(await again.client.tasks.get({ id: hung })).toMatchObject({ state: 'queued' });
  }, 60_000);
});
