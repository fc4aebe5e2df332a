import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import path from 'node:path';
import { ORPCError } from '@orpc/server';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { GridRows } from '../contract/images/image-grid.ts';
import {
  fixtureImage,
  fixtureModel,
  importFolder,
  otherFixtureModel,
  WorkbenchFixture,
} from './workbench-fixture.ts';
import type { Workbench } from './open-workbench.ts';

const fixture = new WorkbenchFixture();
let workbench: Workbench;
let client: Workbench['client'];
let images: number[];

beforeAll(async () => {
  workbench = await fixture.open();
  ({ client } = workbench);
  const names = {
    'a_OD.png': 'square-112x112.png',
    'b_OS.png': 'tiny-45x38.png',
    'c.png': 'landscape-224x112.png',
  };
  images = await importFolder(workbench, fixture.source(names));
});
afterAll(() => fixture.remove());

describe('editing', () => {
  test('a change of many images is taken back as one', async () => {
    const before = await client.images.get({ id: images[0]! });
    const change = { patient: { code: 'П-1' }, visit: { date: '2024-02-29' }, quality: 'good' } as const;
    await client.images.update({ ids: images, change });
    const after = await client.images.get({ id: images[0]! });
    expect(after).toMatchObject({
      patient: { code: 'П-1' },
      visit: { date: '2024-02-29' },
      image: { quality: 'good' },
    });
    const { visits } = await client.patients.get({ id: after.patient!.id });
    expect(visits).toMatchObject([{ date: '2024-02-29', imageCount: 3 }]);
    expect(await client.images.undoable()).toEqual({ action: 'update', imageIds: images });
    await client.images.undo();
    expect((await client.images.get({ id: images[0]! })).image).toEqual(before.image);
    expect(await client.images.undo()).toBeNull();
  });

  test('the grid has every image in the order of the query, with visits and findings, and knows of changes', async () => {
    const ids = images.slice(0, 2);
    await client.images.update({ ids, change: { patient: { code: 'П-2' }, visit: { date: '2023-01-01' } } });
    await client.images.update({ ids: [ids[1]!], change: { visit: { date: '2024-01-01' } } });
    await client.images.putFinding({ ids: [ids[1]!], finding: { label: 'друзы' } });
    const read = async (first: number) => {
      const packed = await client.images.grid({ query: { sort: 'name' }, first, limit: 2 });
      return new GridRows(await packed.arrayBuffer());
    };
    const [start, end] = [await read(0), await read(2)];
    expect([start.total, start.length, end.first, end.idAt(0)]).toEqual([3, 2, 2, images[2]]);
    expect(start.at(0)).toMatchObject({ patientCode: 'П-2', visit: { number: 1, count: 2 }, findings: [] });
    expect(start.at(1)).toMatchObject({ visit: { number: 2, count: 2 }, findings: ['друзы'] });
    for (let change = 0; change < 3; change++) await client.images.undo();
    const restored = (await read(0)).at(1)!;
    expect(restored).toMatchObject({ visit: null, findings: [] });
  });

  test('tags, findings and groups come and go', async () => {
    const ids = images.slice(0, 2);
    await client.images.addTag({ ids, name: 'Диабет' });
    const [tag] = await client.tags.list();
    expect(tag).toMatchObject({ name: 'Диабет', imageCount: 2 });
    await client.images.removeTag({ ids: [ids[0]!], tagId: tag!.id });
    await client.images.undo();
    expect((await client.images.facets({})).tags).toEqual([
      { value: { id: tag!.id, name: 'Диабет' }, count: 2 },
    ]);

    await client.images.putFinding({ ids, finding: { label: 'exudates', value: 'few' } });
    await client.images.putFinding({ ids: [ids[0]!], finding: { label: 'exudates', value: 'many' } });
    await client.images.undo();
    expect((await client.images.get({ id: ids[0]! })).findings).toMatchObject([
      { label: 'exudates', value: 'few' },
    ]);

    const group = await client.groups.create({ name: 'Проба' });
    await client.groups.addImages({ id: group.id, images: { filter: { lateralities: ['R', 'L'] } } });
    expect((await client.groups.get({ id: group.id })).imageIds).toEqual(ids);
    await client.images.undo();
    expect(await client.groups.get({ id: group.id })).toMatchObject({ imageIds: [] });
    await expect(client.groups.create({ name: 'Проба' })).rejects.toMatchObject({
      data: { code: 'input.invalid' },
    });
  });

  test('what a person keeps: prompts, concept sets and settings', async () => {
    const prompt = await client.prompts.save({ title: 'Моя', text: 'Is this a retina?' });
    expect((await client.prompts.list()).at(-1)).toEqual(prompt);
    expect(await client.prompts.findLeaks({ text: prompt.text.en, conceptSetId: 'fundus' })).not.toEqual([]);
    await client.prompts.remove({ id: prompt.id });
    expect((await client.prompts.list()).every(({ builtIn }) => builtIn)).toBe(true);

    const { set } = await client.concepts.get({ setId: 'fundus' });
    await expect(client.concepts.save({ set })).rejects.toMatchObject({ data: { code: 'concepts.invalid' } });
    const first = { ...set, id: 'own', title: { en: 'First', ru: 'Первый' } };
    const second = { ...first, title: { en: 'Second', ru: 'Второй' } };
    for (const edition of [first, second, first]) await client.concepts.save({ set: edition });
    expect((await client.concepts.get({ setId: 'own' })).set.title.en).toBe('First');
    await client.concepts.remove({ setId: 'own' });
    await expect(client.concepts.get({ setId: 'own' })).rejects.toMatchObject({
      data: { code: 'concepts.unknown' },
    });

    await client.settings.patch({ theme: 'light', backups: { keep: 3 }, interface: { grid: 4, old: 1 } });
    await client.settings.patch({ interface: { old: null } });
    const settings = await client.settings.get();
    expect(settings).toMatchObject({
      theme: 'light',
      backups: { keep: 3, everyDays: 1 },
      interface: { grid: 4 },
    });
    expect(settings.interface).not.toHaveProperty('old');
  });
});

describe('models', () => {
  test('concepts are resolved to tokens and the gate is remembered', async () => {
    const model = await client.models.addFolder({ folder: fixtureModel });
    expect(model).toMatchObject({ available: true, builtIn: false, gate: null });
    const { set } = await client.concepts.get({ setId: 'fundus' });
    const concepts = await client.concepts.resolve({ set, modelId: model.id });
    expect(concepts.map(({ id }) => id)).toEqual(set.concepts.map(({ id }) => id));
    expect(concepts.every(({ tokens }) => tokens.length > 0)).toBe(true);
    const gate = await client.models.checkGate({ id: model.id });
    expect(gate.maxAbsDiff).toBeLessThanOrEqual(gate.tolerance);
    expect((await client.models.list())[0]!.gate).toMatchObject({ ...gate, device: cpus()[0]!.model.trim() });
    await client.models.remove({ id: model.id });
    expect((await client.models.list())[0]).toMatchObject({ available: false, folder: null });
  });

  test('other weights in the same folder are another model', async () => {
    const folder = path.join(fixture.folder, 'model');
    cpSync(fixtureModel, folder, { recursive: true });
    const first = await client.models.addFolder({ folder });
    cpSync(otherFixtureModel, folder, { recursive: true, force: true });
    const second = await client.models.addFolder({ folder });
    expect(second.id).not.toBe(first.id);
    const listed = await client.models.list();
    expect(listed.filter((model) => model.folder === folder).map(({ id }) => id)).toEqual([second.id]);
  });

  test('a folder without a checkpoint is refused with a reason', async () => {
    await expect(client.models.addFolder({ folder: fixture.folder })).rejects.toMatchObject({
      code: 'PROBLEM',
      data: { code: expect.stringMatching(/^model\./) as string },
    });
  });
});

describe('faces', () => {
  test('a request that breaks the schema is a problem, not a crash', async () => {
    const wrong = { ids: ['x'] } as unknown as { ids: number[] };
    const refused: unknown = await client.images.remove(wrong).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(ORPCError);
    expect(refused).toMatchObject({ code: 'PROBLEM', data: { code: 'input.invalid' } });
  });

  test('files of a browser are imported, whatever they are called', async () => {
    const bytes = await sharp(fixtureImage('portrait-140x196.png')).jpeg().toBuffer();
    const files = ['../../outside_OD.jpg', 'same.jpg'].map(
      (name, index) => new File([bytes, new Uint8Array(index)], name, { type: 'image/jpeg' }),
    );
    const { importId } = await client.imports.upload({ files });
    const report = await workbench.imports.wait(importId);
    expect(report.state).toBe('done');
    expect(report.counts.added).toBe(2);
    const { file } = await client.imports.exportReport({ id: importId });
    expect(await file!.text()).toContain('same.jpg');
    const { items } = await client.images.page({ query: { filter: { text: 'outside' } } });
    expect(items).toMatchObject([{ fileName: 'outside_OD.jpg', laterality: 'R' }]);
  });

  test('views are made once and named by their content', async () => {
    for (const view of ['thumb', 'view', 'red-free']) {
      const media = await workbench.openMedia(images[2]!, view);
      if (media === null || !('bytes' in media)) throw new Error('bytes expected');
      expect(media.contentType).toBe('image/webp');
      expect((await sharp(media.bytes).metadata()).width).toBe(224);
    }
    const whole = await workbench.openMedia(images[2]!, 'original-png');
    expect(whole).toMatchObject({ contentType: 'image/png' });
    if (whole === null || !('path' in whole)) throw new Error('a file expected');
    expect(readFileSync(whole.path)).toEqual(readFileSync(fixtureImage('landscape-224x112.png')));
    expect(await workbench.openMedia(images[2]!, '../x')).toBeNull();
    expect(await workbench.openMedia(999_999, 'thumb')).toBeNull();
  });

  test('a backup brings the library back to where it was', async () => {
    const { name } = await client.library.backups.create();
    const before = await client.images.count({});
    await client.images.remove({ ids: [images[0]!] });
    expect(await client.images.count({})).toBe(before - 1);
    await client.library.backups.restore({ name });
    expect(await client.images.count({})).toBe(before);
    expect((await client.library.verify()).problems).toEqual([]);
    expect(await client.library.status()).toMatchObject({ state: 'open', problem: null });
  });

  test('what the software is made of', async () => {
    const licences = await client.app.licences();
    expect(licences.find(({ name }) => name === 'better-sqlite3')).toMatchObject({ licence: 'MIT' });
    expect(await client.app.info()).toMatchObject({ folders: { library: fixture.libraryFolder } });
  });

  test('nothing went wrong in the background', () => {
    expect(fixture.errors).toEqual([]);
  });
});

test('a new library begins with the samples, and only once', async () => {
  const own = new WorkbenchFixture();
  const samplesFolder = own.source({ 'x_OD.png': 'square-112x112.png' });
  writeFileSync(
    path.join(samplesFolder, 'manifest.csv'),
    'file,patient,visit,eye\nx_OD.png,SYN-001,2024-01-02,OD\n',
  );
  try {
    const first = await own.open({ samplesFolder });
    expect(await first.client.library.status()).toMatchObject({ isFilling: true });
    await first.ready;
    expect(await first.client.library.status()).toMatchObject({ isFilling: false });
    const { items } = await first.client.images.page({});
    expect(items).toMatchObject([{ patientCode: 'SYN-001', laterality: 'R' }]);
    await first.client.images.remove({ ids: [items[0]!.id] });
    await first.close();
    const second = await own.open({ samplesFolder });
    await second.ready;
    expect(await second.client.images.count({})).toBe(0);
  } finally {
    await own.remove();
  }
});
