import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { WorkbenchEvent } from '../../contract/app/events.ts';
import type { Task } from '../../contract/app/tasks.ts';
import { LoopbackHub, commit, repository } from '../../model-hub/testing/loopback-hub.ts';
import {
  fixtureModel,
  importFolder,
  otherFixtureModel,
  settle,
  WorkbenchFixture,
} from '../workbench-fixture.ts';
import type { Workbench, WorkbenchOptions } from '../open-workbench.ts';

const source = { from: 'hub', repository, revision: 'main' } as const;
const weightsFile = 'model.safetensors';
/** Requests for the whole file of weights, not for its header. */
let wholeRequests = 0;
let hub: LoopbackHub;
let fixture: WorkbenchFixture;
let workbench: Workbench;
let client: Workbench['client'];

beforeAll(async () => {
  hub = await LoopbackHub.start(fixtureModel);
});
beforeEach(async () => {
  hub.reset();
  wholeRequests = 0;
  fixture = new WorkbenchFixture();
  workbench = await openWorkbench();
  ({ client } = workbench);
  await client.settings.patch({ offline: false, models: { endpoint: hub.endpoint } });
});
afterEach(() => fixture.remove());
afterAll(() => hub.close());

async function openWorkbench(options: Partial<WorkbenchOptions> = {}): Promise<Workbench> {
  const opened = await fixture.open({
    hub: { stallMilliseconds: 3000, rules: { attempts: 2, pauseMilliseconds: 5, longestWait: 500 } },
    ...options,
  });
  await opened.ready;
  return opened;
}

/** Sends half of the weights and then nothing, until told otherwise. */
function holdWeights(): void {
  hub.faults.push({
    when: ({ file, host }) => file === weightsFile && host.startsWith('localhost') && wholeRequests++ > 0,
    stallAfter: Math.floor(hub.weights.length / 2),
  });
}

async function untilFetching(taskId: string): Promise<Task> {
  return until(taskId, ({ progress }) => progress?.stage === 'fetch' && progress.done > hub.weights.length / 3);
}

async function until(taskId: string, holds: (task: Task) => boolean): Promise<Task> {
  for (;;) {
    const task = (await client.tasks.list()).find(({ id }) => id === taskId);
    if (task !== undefined && holds(task)) return task;
    if (task?.state === 'failed') throw new Error(`the task failed: ${task.problem?.summary ?? ''}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

const modelsFolder = () => path.join(fixture.folder, 'Мои модели');

describe('from a hub', () => {
  test('a model is offered, downloaded, listed with its numbers, and traces', async () => {
    const offer = await client.models.offer(source);
    expect(offer).toMatchObject({ name: repository, family: 'qwen2_5_vl', origin: { commit } });
    const events: WorkbenchEvent[] = [];
    const controller = new AbortController();
    const listening = (async () => {
      for await (const event of await client.events.subscribe(undefined, { signal: controller.signal })) {
        if (event.type === 'task' || event.type === 'task-progress') events.push(event);
      }
    })();
    const { taskId: id } = await client.models.fetch(source);
    const task = await workbench.tasks.wait(id);
    await expect.poll(() => events.at(-1)).toMatchObject({ task: { state: 'done' } });
    controller.abort();
    await listening.catch(() => undefined);
    expect(task).toMatchObject({ state: 'done', problem: null });
    expect(events.map((event) => event.type === 'task-progress' && event.progress.stage)).toContain('fetch');
    const [model] = await client.models.list();
    expect(model).toMatchObject({
      id: task.modelId,
      name: repository,
      managed: true,
      available: true,
      weightFormat: 'bf16',
      prepared: null,
      fidelity: null,
    });
    expect(model!.estimates).toHaveLength(4);
    const gate = await client.models.checkGate({ id: model!.id });
    expect(gate.maxAbsDiff).toBeLessThanOrEqual(gate.tolerance);
    await expect(client.models.fetch(source)).rejects.toMatchObject({ data: { code: 'input.invalid' } });
  });

  test('pause keeps what has arrived, resume goes on, and the same bytes come out', async () => {
    holdWeights();
    const { taskId: id } = await client.models.fetch(source);
    await untilFetching(id);
    expect(await client.tasks.pause({ ids: [id] })).toEqual({ changed: 1 });
    expect(await client.tasks.get({ id })).toMatchObject({ state: 'paused', problem: null });
    expect(await client.models.list()).toEqual([]);
    hub.reset();
    await client.tasks.resume({ ids: [id] });
    expect(await workbench.tasks.wait(id)).toMatchObject({ state: 'done' });
    expect(hub.seen.some(({ range }) => range !== null && !range.startsWith('bytes=0-'))).toBe(true);
    expect(await client.tasks.dismiss({ ids: [id] })).toEqual({ changed: 1 });
  });

  test('a download survives a restart, and goes on by itself', async () => {
    holdWeights();
    const { taskId: id } = await client.models.fetch(source);
    await untilFetching(id);
    await workbench.close();
    hub.reset();
    workbench = await openWorkbench();
    ({ client } = workbench);
    expect(await workbench.tasks.wait(id)).toMatchObject({ state: 'done' });
    expect(await client.models.list()).toMatchObject([{ name: repository }]);
    expect(hub.seen.some(({ range }) => range !== null && !range.startsWith('bytes=0-'))).toBe(true);
  });

  test('a paused download stays paused after a restart, and says how far it is', async () => {
    holdWeights();
    const { taskId: id } = await client.models.fetch(source);
    await untilFetching(id);
    await client.tasks.pause({ ids: [id] });
    await workbench.close();
    hub.reset();
    workbench = await openWorkbench();
    ({ client } = workbench);
    const [task] = await client.tasks.list();
    expect(task).toMatchObject({ id, state: 'paused' });
    expect(task!.progress!.done).toBeGreaterThan(hub.weights.length / 3);
    expect(hub.seen).toEqual([]);
    await client.tasks.resume({ ids: [id] });
    expect(await workbench.tasks.wait(id)).toMatchObject({ state: 'done' });
  });

  test('cancel takes everything away', async () => {
    holdWeights();
    const { taskId: id } = await client.models.fetch(source);
    await untilFetching(id);
    await client.tasks.cancel({ ids: [id] });
    expect(await client.tasks.get({ id })).toMatchObject({ state: 'cancelled' });
    expect(readdirSync(modelsFolder())).toEqual([]);
  });

  test('a failure is told in words, and resume is all that is needed', async () => {
    hub.faults.push({ when: ({ file }) => file === weightsFile, flipByte: 300_000, times: 99 });
    const { taskId: id } = await client.models.fetch(source);
    expect(await workbench.tasks.wait(id)).toMatchObject({
      state: 'failed',
      problem: { code: 'model.hash-mismatch' },
    });
    expect(await client.models.list()).toEqual([]);
    hub.reset();
    await client.tasks.retry({ ids: [id] });
    expect(await workbench.tasks.wait(id)).toMatchObject({ state: 'done' });
  });

  test('offline mode refuses before any request, and stops what is under way', async () => {
    holdWeights();
    const { taskId: id } = await client.models.fetch(source);
    await untilFetching(id);
    await client.settings.patch({ offline: true });
    const [task] = await client.tasks.list();
    expect(task).toMatchObject({ id, state: 'paused', problem: { code: 'hub.offline' } });
    hub.reset();
    await expect(client.models.offer(source)).rejects.toMatchObject({ data: { code: 'hub.offline' } });
    expect(await client.models.hub.get()).toMatchObject({ offline: true });
    expect(hub.seen).toEqual([]);
  });

  test('a token is kept for its address alone, and never told', async () => {
    hub.token = 'hf_secret';
    await expect(client.models.offer(source)).rejects.toMatchObject({ data: { code: 'hub.access' } });
    expect(await client.models.hub.setToken({ token: 'hf_secret' })).toEqual({
      endpoint: hub.endpoint,
      token: 'kept',
      offline: false,
    });
    expect(await client.models.offer(source)).toMatchObject({ name: repository });
    const other = await LoopbackHub.start(fixtureModel);
    await client.settings.patch({ models: { endpoint: other.endpoint } });
    expect(await client.models.hub.get()).toMatchObject({ token: 'none' });
    await client.models.offer(source);
    expect(other.seen.every(({ authorization }) => authorization === null)).toBe(true);
    await other.close();
    expect(JSON.stringify(await client.settings.get())).not.toContain('hf_secret');
    await client.settings.patch({ models: { endpoint: hub.endpoint } });
    expect(await client.models.hub.setToken({ token: null })).toMatchObject({ token: 'none' });
  });
});

describe('from this computer', () => {
  test('a folder is copied, and the copy stays when the folder goes', async () => {
    const folder = path.join(fixture.folder, 'моя модель');
    cpSync(otherFixtureModel, folder, { recursive: true });
    expect(await client.models.offer({ from: 'folder', folder })).toMatchObject({ name: 'моя модель' });
    const { taskId: id } = await client.models.fetch({ from: 'folder', folder });
    const { state, modelId } = await workbench.tasks.wait(id);
    expect(state).toBe('done');
    rmSync(folder, { recursive: true });
    expect(await client.models.list()).toMatchObject([
      { id: modelId, name: 'моя модель', managed: true, available: true },
    ]);
  });

  test('the cache of the hub: complete and incomplete revisions, in place or copied, by their hashes', async () => {
    const root = path.join(fixture.folder, 'hf', 'hub');
    const model = path.join(root, 'models--someone--Qwen-Tiny');
    const snapshot = path.join(model, 'snapshots', commit);
    for (const folder of [snapshot, path.join(model, 'blobs'), path.join(model, 'refs')])
      mkdirSync(folder, { recursive: true });
    writeFileSync(path.join(model, 'refs', 'main'), commit);
    for (const [name, content] of hub.files) {
      if (name.startsWith('.')) continue;
      const blob = path.join(model, 'blobs', hub.sha256Of(name));
      writeFileSync(blob, content);
      symlinkSync(path.relative(snapshot, blob), path.join(snapshot, name));
    }
    const half = path.join(model, 'snapshots', 'f'.repeat(40));
    mkdirSync(half);
    symlinkSync('../../blobs/nowhere', path.join(half, 'config.json'));
    const before = process.env['HF_HUB_CACHE'];
    process.env['HF_HUB_CACHE'] = root;
    try {
      const { models } = await client.models.cache();
      expect(models).toMatchObject([
        {
          repository: 'someone/Qwen-Tiny',
          commit,
          refs: ['main'],
          complete: true,
          modelType: 'qwen2_5_vl',
          hasVision: true,
        },
        { commit: 'f'.repeat(40), complete: false, missing: 'config.json' },
      ]);
      const added = await client.models.addCached({ folder: snapshot });
      expect(added).toMatchObject({ name: 'someone/Qwen-Tiny', folder: snapshot, managed: false });
      const { taskId: id } = await client.models.fetch({ from: 'cache', folder: snapshot });
      expect(await workbench.tasks.wait(id)).toMatchObject({ state: 'done', modelId: added.id });

      const weights = path.join(model, 'blobs', hub.sha256Of(weightsFile));
      const flipped = Buffer.from(hub.weights);
      flipped[hub.weights.length - 3]! ^= 1;
      rmSync(weights);
      writeFileSync(weights, flipped);
      await expect(client.models.addCached({ folder: snapshot })).rejects.toMatchObject({
        data: { code: 'model.hash-mismatch' },
      });
      await client.models.remove({ id: added.id });
      const again = await client.models.fetch({ from: 'cache', folder: snapshot });
      expect(await workbench.tasks.wait(again.taskId)).toMatchObject({
        state: 'failed',
        problem: { code: 'model.hash-mismatch' },
      });
    } finally {
      if (before === undefined) Reflect.deleteProperty(process.env, 'HF_HUB_CACHE');
      else process.env['HF_HUB_CACHE'] = before;
    }
  });
});

describe('preparing', () => {
  test('a checkpoint becomes a model of its own in another format, as large as was said', async () => {
    const original = await client.models.addFolder({ folder: otherFixtureModel });
    const { taskId: id } = await client.models.prepare({ id: original.id, format: 'int4' });
    const task = await workbench.tasks.wait(id);
    expect(task).toMatchObject({ state: 'done', problem: null, kind: 'model-prepare' });
    const made = (await client.models.list()).find((model) => model.id === task.modelId);
    expect(made).toMatchObject({
      name: 'qwen2-vl-untied-f32-int4',
      managed: true,
      weightFormat: 'int4',
      prepared: {
        format: 'int4',
        sourceSha256: original.sha256,
        keep: { unembedding: 'int8', vision: 'int8' },
      },
      fidelity: null,
    });
    const estimate = original.estimates.find(({ format }) => format === 'int4')!;
    expect(made!.estimates).toMatchObject([{ format: 'as-stored' }]);
    expect(made!.estimates[0]!.diskBytes / estimate.diskBytes).toBeCloseTo(1, 1);
    const gate = await client.models.checkGate({ id: made!.id });
    expect(gate.maxAbsDiff).toBeLessThanOrEqual(gate.tolerance);
    await expect(client.models.prepare({ id: original.id, format: 'int4' })).rejects.toMatchObject({
      data: { code: 'input.invalid' },
    });
    const verification = await client.models.verify({ id: made!.id, prompts: ['What is this?'] });
    expect(await workbench.tasks.wait(verification.taskId)).toMatchObject({ state: 'done', problem: null });
    const verified = (await client.models.list()).find((model) => model.id === made!.id);
    expect(verified!.fidelity!.layers).toHaveLength(original.numLayers + 1);
    expect(verified!.fidelity!.summary.top1Agreement).toBeGreaterThan(0.5);
    expect(verified!.sha256).toBe(made!.sha256);
    await expect(client.models.verify({ id: original.id })).rejects.toMatchObject({
      data: { code: 'input.invalid' },
    });
    await expect(client.models.prepare({ id: made!.id, format: 'int8' })).rejects.toMatchObject({
      data: { code: 'input.invalid' },
    });
    await client.models.remove({ id: made!.id });
    expect(readdirSync(modelsFolder())).toEqual([]);
  });
});

describe('removing', () => {
  async function install(): Promise<number> {
    const { taskId: id } = await client.models.fetch(source);
    return (await workbench.tasks.wait(id)).modelId!;
  }

  test('a model of ours goes with its files, any other only from the list', async () => {
    const own = await install();
    const shown = await client.models.addFolder({ folder: otherFixtureModel });
    await client.models.remove({ id: own });
    await client.models.remove({ id: shown.id });
    expect(readdirSync(modelsFolder())).toEqual([]);
    expect(existsSync(path.join(otherFixtureModel, weightsFile))).toBe(true);
    expect((await client.models.list()).every(({ available }) => !available)).toBe(true);
  });

  test('while jobs use it: only after a confirmation, and the jobs end as cancelled', async () => {
    const modelId = await install();
    await client.tasks.pauseQueue();
    const names = { 'a.png': 'square-112x112.png' };
    await importFolder(workbench, fixture.source(names));
    const { added } = await client.traces.enqueue({
      images: { filter: {} },
      modelId,
      prompts: ['What is this?'],
      conceptSetId: 'fundus',
    });
    await expect(client.models.remove({ id: modelId })).rejects.toMatchObject({
      data: { code: 'model.in-use', found: expect.stringContaining('1 waiting') as string },
    });
    expect(await client.models.list()).toMatchObject([{ id: modelId, available: true }]);
    await client.models.remove({ id: modelId, confirmed: true });
    expect(await settle(workbench, added)).toMatchObject([{ state: 'cancelled' }]);
    expect(await client.models.list()).toMatchObject([{ id: modelId, available: false }]);
    expect(readdirSync(modelsFolder())).toEqual([]);
  });

  test('a removal that was interrupted is not listed, and is finished at the next start', async () => {
    await install();
    await workbench.close();
    const [name] = readdirSync(modelsFolder());
    renameSync(path.join(modelsFolder(), name!), path.join(modelsFolder(), `${name!}.1234abcd.removing`));
    workbench = await openWorkbench();
    expect(readdirSync(modelsFolder())).toEqual([]);
    expect(await workbench.client.models.list()).toMatchObject([{ available: false }]);
  });

  test('a model of ours is there in every library', async () => {
    await install();
    const other = await openWorkbench({ libraryFolder: mkdtempSync(path.join(fixture.folder, 'другая ')) });
    expect(await other.client.models.list()).toMatchObject([{ name: repository, available: true }]);
  });
});

test('nothing went wrong in the background', () => {
  expect(fixture.errors).toEqual([]);
});
