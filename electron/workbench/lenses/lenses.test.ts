import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { unpackTrace } from '../../engine/lens-trace/codec.ts';
import {
  fixtureModel,
  importFolder,
  otherFixtureModel,
  settle,
  WorkbenchFixture,
} from '../workbench-fixture.ts';
import type { Workbench } from '../open-workbench.ts';
import { splitPatients } from './split-patients.ts';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });
const fixture = new WorkbenchFixture();
const fixtures = path.resolve(fixtureModel, '../..');
const prompt = 'What is this?';
let workbench: Workbench;
let client: Workbench['client'];
let images: number[];
let modelId: number;
let lens: Awaited<ReturnType<Workbench['client']['lenses']['list']>>[number];

beforeAll(async () => {
  workbench = await fixture.open();
  ({ client } = workbench);
  const names = ['square-112x112', 'portrait-140x196', 'landscape-224x112', 'halves-70x126', 'tiny-45x38'];
  const source = fixture.source(
    Object.fromEntries(names.map((name, index) => [`${index}.png`, `${name}.png`])),
  );
  images = await importFolder(workbench, source);
  ({ id: modelId } = await client.models.addFolder({ folder: fixtureModel }));
  const codes = ['А-1', 'А-1', 'Б-2', 'В-3', 'Г-4'];
  for (const [index, code] of codes.entries())
    await client.images.update({ ids: [images[index]!], change: { patient: { code } } });
  const { taskId } = await client.lenses.fit({
    name: 'сетчатка',
    modelId,
    images: { ids: images },
    prompt,
    ridge: 0.01,
  });
  expect(await settle(workbench, [taskId])).toMatchObject([
    { kind: 'lens-fit', state: 'done', problem: null },
  ]);
  [lens] = (await client.lenses.list()) as [typeof lens];
});
afterAll(() => fixture.remove());

const trace = async (order: Partial<Parameters<typeof client.traces.enqueue>[0]> = {}) => {
  const { added } = await client.traces.enqueue({
    ...{ modelId, conceptSetId: 'fundus', images: { ids: [images[0]!] }, prompts: [prompt], topK: 3 },
    ...{ generate: 0, controls: false, ...order },
  });
  const [task] = await settle(workbench, added);
  expect(task!.problem).toBeNull();
  const packed = await client.traces.cells({ id: task!.traceId! });
  return { id: task!.traceId!, trace: unpackTrace(await packed.arrayBuffer()) };
};

test('a lens is labelled with what it was fitted on; no patient is on both sides', async () => {
  expect(lens).toMatchObject({ name: 'сетчатка', source: 'fitted', modelId, prompt, maxPixels: null });
  expect(lens.patients).toEqual({ fitted: 3, heldOut: 1 });
  expect(new Set([...lens.images.fitted, ...lens.images.heldOut]).size).toBe(images.length);
  expect(lens.error!.answer.lens.at(-1)).toBe(0);
  const both = await Promise.all(
    images.slice(0, 2).map(async (id) => (await client.images.get({ id })).image.sha256),
  );
  expect(lens.images.fitted.includes(both[0]!)).toBe(lens.images.fitted.includes(both[1]!));
});

test('a trace is ordered, stored and repeated through it, and equals the logit lens at the last layer', async () => {
  const own = await trace({ lens: `shortcut:${lens.sha256}` });
  const plain = await trace();
  expect(own.trace).toMatchObject({
    lens: 'shortcut',
    fittedLens: { name: 'сетчатка', sha256: lens.sha256 },
  });
  expect(own.trace.cells.topLogProbs.slice(-3)).toEqual(plain.trace.cells.topLogProbs.slice(-3));
  expect(own.trace.cells.topLogProbs.slice(0, 3)).not.toEqual(plain.trace.cells.topLogProbs.slice(0, 3));
  expect(await client.traces.list({ lenses: ['shortcut'] })).toMatchObject([
    { id: own.id, lens: 'shortcut' },
  ]);
  const file = path.join(fixture.folder, 'dump.safetensors');
  await expect(client.exports.dump({ traceId: own.id, path: file })).resolves.toMatchObject({ path: file });
});

test('another model is refused at once, an unknown lens too', async () => {
  const { id: other } = await client.models.addFolder({ folder: otherFixtureModel });
  const order = { conceptSetId: 'fundus', images: { ids: images }, prompts: [prompt] };
  await expect(
    client.traces.enqueue({ ...order, modelId: other, lens: `shortcut:${lens.sha256}` }),
  ).rejects.toMatchObject({ data: { code: 'lens.other-model' } });
  await expect(
    client.traces.enqueue({ ...order, modelId, lens: `shortcut:${'0'.repeat(64)}` }),
  ).rejects.toMatchObject({ data: { code: 'lens.not-found' } });
});

test('an experiment names it, fixes it by its content, and shows it beside the logit lens', async () => {
  const file = {
    ...{ schema: 'fundus-lens.experiment/1' as const, title: 'Lenses', prompts: [prompt], controls: false },
    models: [{ sha256: lens.model.sha256 }],
    photographs: { sha256: lens.images.heldOut as string[] },
  };
  const named = { ...file, lenses: ['logit' as const, `shortcut:${lens.name}` as const] };
  const { id } = await client.experiments.create({ file: named });
  expect((await client.experiments.get({ id })).file.lenses).toEqual(['logit', `shortcut:${lens.sha256}`]);
  await client.experiments.run({ id });
  await expect
    .poll(async () => (await client.experiments.get({ id })).summary.progress.state, { timeout: 60_000 })
    .toBe('done');
  const { conditions } = await client.experiments.results({ id });
  expect(conditions.map(({ lens: kind, fittedLens }) => [kind, fittedLens])).toEqual([
    ['logit', null],
    ['shortcut', { name: lens.name, sha256: lens.sha256 }],
  ]);
  const [own, plain] = [conditions[1]!, conditions[0]!];
  expect(own.leading.at(-1)).toEqual(plain.leading.at(-1));
  await expect(
    client.experiments.create({ file: { ...file, lenses: ['shortcut:нет'] } }),
  ).rejects.toMatchObject({ data: { code: 'experiment.invalid', expected: `"shortcut:${lens.name}"` } });
});

test('it travels as a file, keeps names apart, and its file goes when it is removed and erased', async () => {
  const { file } = await client.lenses.export({ id: lens.id });
  expect(await client.lenses.import({ file: file! })).toEqual(lens);
  const bytes = Buffer.from(await file!.arrayBuffer());
  const damaged = new File([bytes.subarray(0, -4)], 'плохая.safetensors');
  await expect(client.lenses.import({ file: damaged })).rejects.toMatchObject({
    data: { code: 'lens.file-damaged', summary: expect.stringContaining('плохая.safetensors') as string },
  });
  const stored = path.join(
    fixture.libraryFolder,
    'arrays',
    lens.sha256.slice(0, 2),
    `${lens.sha256}.safetensors`,
  );
  expect(readFileSync(stored).equals(bytes)).toBe(true);
  expect(await client.lenses.rename({ id: lens.id, name: 'другая' })).toMatchObject({ name: 'другая' });
  await expect(
    client.lenses.fit({ name: 'другая', modelId, images: { ids: images }, prompt }),
  ).rejects.toMatchObject({ data: { code: 'input.invalid' } });
  await client.lenses.remove({ id: lens.id });
  expect(await client.lenses.list()).toEqual([]);
  expect(await client.lenses.import({ file: file!, name: 'снова' })).toMatchObject({
    ...{ name: 'снова', source: 'imported', sha256: lens.sha256 },
  });
  writeFileSync(stored, Buffer.concat([bytes.subarray(0, -4), Buffer.alloc(4)]));
  const { added } = await client.traces.enqueue({
    ...{ modelId, conceptSetId: 'fundus', images: { ids: [images[1]!] }, prompts: [prompt] },
    ...{ controls: false, generate: 0, lens: `shortcut:${lens.sha256}` },
  });
  expect(await settle(workbench, added)).toMatchObject([
    { state: 'failed', problem: { code: 'lens.file-damaged' } },
  ]);
});

test('one patient is not enough to fit on and to measure on', async () => {
  await expect(
    client.lenses.fit({ name: 'one', modelId, images: { ids: images.slice(0, 2) }, prompt }),
  ).rejects.toMatchObject({ data: { code: 'input.invalid', found: '2 images of 1 patients' } });
});

test('the split depends on seed and patients, not on the order of images', () => {
  const many = Array.from(
    { length: 30 },
    (_, id) => ({ id: id + 1, patientId: Math.floor(id / 3) + 1 }) as never,
  );
  const split = splitPatients(many, 0.3, 1);
  expect(split.patients).toEqual({ fitted: 7, heldOut: 3 });
  const ids = (images: typeof split.heldOut) => images.map(({ id }) => id).sort((a, b) => a - b);
  expect(ids(splitPatients([...many].reverse(), 0.3, 1).heldOut)).toEqual(ids(split.heldOut));
  expect(ids(splitPatients(many, 0.3, 2).heldOut)).not.toEqual(ids(split.heldOut));
});

test('a Jacobian lens of the public format is taken in for a model, traced through, and known again', async () => {
  const bytes = readFileSync(path.join(fixtures, 'jacobian', 'lens.pt'));
  const file = new File([bytes], 'Якоби.pt');
  await expect(client.lenses.import({ file })).rejects.toMatchObject({
    data: { code: 'input.invalid', summary: expect.stringContaining('Якоби.pt') as string },
  });
  const folder = path.join(fixtures, 'checkpoints', 'qwen2-5-vl-untied-f32');
  const { id: own } = await client.models.addFolder({ folder });
  await expect(client.lenses.import({ file, modelId })).rejects.toMatchObject({
    data: { code: 'lens.other-model' },
  });
  const imported = await client.lenses.import({ file, modelId: own });
  expect(imported).toMatchObject({
    kind: 'jacobian',
    name: 'Якоби',
    source: 'imported',
    modelId: own,
    error: null,
  });
  expect(await client.lenses.import({ file, modelId: own })).toEqual(imported);
  const read = await trace({ modelId: own, lens: `jacobian:${imported.sha256}` });
  const plain = await trace({ modelId: own });
  expect(read.trace).toMatchObject({
    lens: 'jacobian',
    fittedLens: { name: 'Якоби', sha256: imported.sha256 },
  });
  expect(read.trace.cells.topLogProbs.slice(-3)).toEqual(plain.trace.cells.topLogProbs.slice(-3));
  expect(read.trace.cells.topLogProbs.slice(3, 6)).not.toEqual(plain.trace.cells.topLogProbs.slice(3, 6));
  const order = { conceptSetId: 'fundus', images: { ids: images }, prompts: [prompt] };
  for (const wrong of [
    { modelId, lens: `jacobian:${imported.sha256}` as const, code: 'lens.other-model' },
    { modelId: own, lens: `shortcut:${imported.sha256}` as const, code: 'lens.not-found' },
  ])
    await expect(
      client.traces.enqueue({ ...order, modelId: wrong.modelId, lens: wrong.lens }),
    ).rejects.toMatchObject({ data: { code: wrong.code } });
  const { file: exported } = await client.lenses.export({ id: imported.id });
  expect(await client.lenses.import({ file: exported! })).toEqual(imported);
});
