import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { ForkEngine } from '../../engine/process/engine-process.ts';
import type { WorkbenchEvent } from '../../contract/app/events.ts';
import type { ProvidersView } from '../../contract/models/providers.ts';
import { forkEngine } from '../../engine/process/fork-engine.ts';
import { LoopbackFeed, makePackage } from '../../model-hub/testing/loopback-feed.ts';
import { WorkbenchFixture } from '../workbench-fixture.ts';
import type { Workbench } from '../open-workbench.ts';

/** Nothing here ends with a library in place: ONNX Runtime's folder is the one of all tests. */
const fixture = new WorkbenchFixture();
const progress: Extract<WorkbenchEvent, { type: 'task-progress' }>[] = [];
let workbench: Workbench;
let feed: LoopbackFeed;
let view: ProvidersView;
/** Processes of the engine that were started. */
let engines = 0;

beforeAll(async () => {
  const fork: ForkEngine = (script, listener, environment) => {
    engines += 1;
    return forkEngine(script, listener, environment);
  };
  workbench = await fixture.open({
    engine: { fork },
    hub: { stallMilliseconds: 5000, rules: { attempts: 1, pauseMilliseconds: 1, longestWait: 100 } },
  });
  const { client } = workbench;
  void (async () => {
    for await (const event of await client.events.subscribe())
      if (event.type === 'task-progress') progress.push(event);
  })();
  view = await client.providers.list();
  const { version } = view.runtime;
  feed = await LoopbackFeed.start((await makePackage(version)).bytes, version);
  await client.settings.patch({ cudaFeed: feed.address });
}, 60_000);
beforeEach(async () => {
  feed.reset(feed.package);
  progress.length = 0;
  await workbench.client.settings.patch({ offline: false });
});
afterAll(async () => {
  await fixture.remove();
  await feed.close();
});

test('what an earlier trial showed is told again, until somebody asks anew', async () => {
  const { client } = workbench;
  const tried = engines;
  expect((await client.providers.list()).providers).toEqual(view.providers);
  expect(engines).toBe(tried);
  expect((await client.providers.list({ fresh: true })).providers).toEqual(view.providers);
  expect(engines).toBe(tried + 1);
  expect(view.providers.at(-1)).toMatchObject({ provider: 'cpu', works: true, blockFailure: null });
});

describe.skipIf(process.platform !== 'linux' || process.arch !== 'x64')('the CUDA library', () => {
  const stalled = { when: ({ what }: { what: string }) => what === 'package', stallAfter: 50_000 };
  const arrives = () =>
    expect.poll(() => progress.some((event) => event.progress.done > 0), { timeout: 5000 }).toBe(true);
  const libraries = () => readdirSync(view.runtime.folder).filter((name) => name.includes('providers'));

  test('is not asked for while offline mode is on', async () => {
    const { client, tasks } = workbench;
    await client.settings.patch({ offline: true });
    const { taskId } = await client.providers.installCuda({ from: 'feed' });
    expect(await tasks.wait(taskId)).toMatchObject({ problem: { code: 'hub.offline' } });
    expect(feed.seen).toEqual([]);
    expect((await client.providers.list()).cuda).toMatchObject({ offline: true });
  });

  test('stops at once when offline mode is switched on', async () => {
    const { client, tasks } = workbench;
    feed.faults.push(stalled);
    const { taskId } = await client.providers.installCuda({ from: 'feed' });
    expect(await client.tasks.get({ id: taskId })).toMatchObject({
      kind: 'cuda-install',
      state: 'running',
      problem: null,
    });
    await arrives();
    await client.settings.patch({ offline: true });
    expect(await tasks.wait(taskId)).toMatchObject({ state: 'paused', problem: { code: 'hub.offline' } });
    expect(libraries()).toEqual([]);
  });

  test('stops when a person says so, and keeps what has arrived', async () => {
    const { client } = workbench;
    feed.faults.push(stalled);
    const { taskId } = await client.providers.installCuda({ from: 'feed' });
    await arrives();
    await client.tasks.cancel({ ids: [taskId] });
    expect(await client.tasks.get({ id: taskId })).toMatchObject({ state: 'cancelled', problem: null });
    expect(libraries()).toEqual([]);
    expect(existsSync(path.join(fixture.folder, 'cache', 'cuda-library'))).toBe(true);
  });

  test('a failure is told with the state, and forgotten with the next try', async () => {
    const { client, tasks } = workbench;
    const { taskId } = await client.providers.installCuda({
      from: 'file',
      path: path.join(fixture.folder, 'нет.nupkg'),
    });
    expect(await tasks.wait(taskId)).toMatchObject({
      state: 'failed',
      problem: { code: 'provider.package' },
    });
    feed.faults.push(stalled);
    await client.providers.installCuda({ from: 'feed' });
    expect(await client.tasks.get({ id: taskId })).toMatchObject({ state: 'running', problem: null });
    await client.tasks.cancel({ ids: [taskId] });
  });

  test('that was not installed cannot be removed', async () => {
    await expect(workbench.client.providers.removeCuda({ confirmed: true })).rejects.toMatchObject({
      data: { code: 'provider.in-place' },
    });
  });
});
