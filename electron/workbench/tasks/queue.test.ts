import { spawn } from 'node:child_process';
import { once } from 'node:events';
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

const names = {
  'a_OD.png': 'square-112x112.png',
  'b_OS.png': 'tiny-45x38.png',
  'c.png': 'portrait-140x196.png',
};

async function prepare(workbench: Workbench) {
  const images = await importFolder(workbench, fixture.source(names));
  const { id: modelId } = await workbench.client.models.addFolder({ folder: fixtureModel });
  return {
    images: { ids: images },
    modelId,
    prompts: ['Describe this image.'],
    conceptSetId: 'fundus',
    topK: 3,
    generate: 0,
  };
}

/** Resolves with the process id of an engine that works on the job. */
async function waitForEngine({ client }: Workbench, engines: () => number[]): Promise<number> {
  for await (const event of await client.events.subscribe()) {
    if (event.type !== 'task-progress' || event.progress.stage === 'load') continue;
    const [pid] = engines();
    if (pid !== undefined) return pid;
  }
  throw new Error('the stream ended');
}

describe('the queue', () => {
  test('a killed engine is started anew and the job is tried again', async () => {
    const workbench = await fixture.open();
    const order = await prepare(workbench);
    const seen = waitForEngine(workbench, () => workbench.enginePids);
    const { added } = await workbench.client.traces.enqueue(order);
    process.kill(await seen, 'SIGKILL');
    const jobs = await settle(workbench, added);
    expect(jobs.map(({ state }) => state)).toEqual(['done', 'done', 'done']);
    expect(Math.max(...jobs.map(({ attempts }) => attempts))).toBe(2);
    expect(await workbench.client.traces.list({})).toHaveLength(3);
  });

  test('closing gives the running job back, and a later start does the rest and nothing twice', async () => {
    const first = await fixture.open();
    const order = await prepare(first);
    const seen = waitForEngine(first, () => first.enginePids);
    const { added } = await first.client.traces.enqueue(order);
    await seen;
    await first.close();
    const second = await fixture.open();
    const jobs = await settle(second, added);
    expect(jobs.map(({ state, attempts }) => ({ state, attempts }))).toEqual(
      added.map(() => ({ state: 'done', attempts: 1 })),
    );
    expect(await second.client.traces.list({})).toHaveLength(3);
    expect(await second.client.traces.enqueue(order)).toMatchObject({
      added: [],
      requeued: [],
      existing: added,
    });
  });

  test('after kill -9 of the whole program the next start runs what was left', async () => {
    const first = await fixture.open({ runQueue: false });
    const order = await prepare(first);
    const { added } = await first.client.traces.enqueue(order);
    await first.close();
    const script = path.join(fixture.folder, 'program.mjs');
    const options = {
      libraryFolder: fixture.libraryFolder,
      cacheFolder: fixture.folder,
      samplesFolder: null,
      demoModelFolder: null,
    };
    writeFileSync(
      script,
      `import { createWorkbench } from ${JSON.stringify(new URL('../open-workbench.ts', import.meta.url).href)};
const { client } = await createWorkbench(${JSON.stringify(options)});
for await (const event of await client.events.subscribe()) {
  if (event.type === 'task-progress' && event.progress.stage === 'decoder') process.stdout.write('working');
}`,
    );
    const program = spawn(process.execPath, [script], { stdio: ['ignore', 'pipe', 'inherit'] });
    await once(program.stdout, 'data');
    program.kill('SIGKILL');
    await once(program, 'exit');

    const second = await fixture.open();
    const jobs = await settle(second, added);
    expect(jobs.map(({ state }) => state)).toEqual(['done', 'done', 'done']);
    expect(await second.client.traces.list({})).toHaveLength(3);
    expect((await second.client.library.verify()).problems).toEqual([]);
  });

  test('a cancelled job ends at once and stores nothing; paused ones wait; retry brings it back', async () => {
    const workbench = await fixture.open();
    const { client } = workbench;
    const order = await prepare(workbench);
    await client.tasks.pauseQueue();
    const { added } = await client.traces.enqueue(order);
    expect(await client.tasks.counts()).toMatchObject({ paused: true, counts: { queued: 3 } });
    await client.tasks.pause({ ids: added.slice(1) });
    const seen = waitForEngine(workbench, () => workbench.enginePids);
    await client.tasks.resumeQueue();
    await seen;
    expect(await client.tasks.cancel({ ids: [added[0]!] })).toEqual({ changed: 1 });
    const [cancelled] = await settle(workbench, [added[0]!]);
    expect(cancelled).toMatchObject({ state: 'cancelled', traceId: null });
    expect(await client.traces.list({})).toEqual([]);
    await client.tasks.resume({ ids: added.slice(1) });
    await client.tasks.retry({ ids: [added[0]!] });
    expect((await settle(workbench, added)).map(({ state }) => state)).toEqual(['done', 'done', 'done']);
    expect((await client.tasks.counts()).millisecondsLeft).toBe(0);
  });

  test('a problem that would repeat itself is told at once and not retried', async () => {
    const workbench = await fixture.open();
    const order = await prepare(workbench);
    const { added } = await workbench.client.traces.enqueue({ ...order, positions: [9999] });
    const jobs = await settle(workbench, added);
    for (const { state, attempts, problem } of jobs) {
      expect({ state, attempts, code: problem?.code }).toEqual({
        state: 'failed',
        attempts: 1,
        code: 'trace.positions',
      });
    }
  });

  test('an image that is removed takes its running job along, and the queue goes on', async () => {
    const workbench = await fixture.open();
    const { client } = workbench;
    const order = await prepare(workbench);
    const seen = waitForEngine(workbench, () => workbench.enginePids);
    const { added } = await client.traces.enqueue(order);
    await seen;
    await client.images.remove({ ids: [order.images.ids[0]!] });
    const jobs = await settle(workbench, added.slice(1));
    expect(jobs.map(({ state }) => state)).toEqual(['done', 'done']);
    expect(await client.traces.list({})).toHaveLength(2);
  });
});
