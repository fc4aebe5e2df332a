import SqliteDatabase from 'better-sqlite3';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { generateRecord, generateTrace } from '../../../bench/fixtures/generated-records.ts';
import type { ConceptTrace, LensTrace } from '../../engine/lens-trace/lens-trace.ts';
import { openLibrary } from '../../store/library/library.ts';
import { WorkbenchFixture } from '../workbench-fixture.ts';
import type { Workbench } from '../open-workbench.ts';

const fixture = new WorkbenchFixture();
let workbench: Workbench;
let [groupId, controlId, modelId] = [0, 0, 0];

/** Twelve photographs of a patient; of the first 24 "retina" is readable from layer 2 on in every other one, of the rest in none. */
const numImages = 48;

/** @param image 0-based */
function judgedTrace(image: number): LensTrace {
  const trace = generateTrace(image, null);
  const [template] = trace.concepts;
  const isReadable = image < numImages / 2 && image % 2 === 0;
  const concept = (id: string, logProb: readonly number[], layer: number | null): ConceptTrace => ({
    ...template!,
    id,
    words: { logProb: Float32Array.from(logProb), logOdds: new Float32Array(5), numBounded: 0 },
    finding: {
      state: layer === null ? 'not-readable' : 'readable',
      layer,
      layers: trace.layers.map(() => ({ p: 0.02, effect: 1.2 })),
      ...{ tokenP: null, q: 0.04, numControls: 56, attainableP: 0.018, leftOut: [] },
    },
    emergence: { ...template!.emergence, layers: [layer] },
  });
  const shift = image < numImages / 2 ? 2 : 0;
  const noise = Math.sin(image * 1.7) / 4;
  return {
    ...trace,
    concepts: [
      concept('retina', [-9, -8, -7, -6 + shift + noise, -5 + shift + noise], isReadable ? 2 : null),
      concept('macula', [-9, -9, -9, -9, -9 + noise], null),
    ],
  };
}

beforeAll(async () => {
  const library = await openLibrary(fixture.libraryFolder);
  const importId = library.imports.begin([]);
  library.imports.commit(
    importId,
    Array.from({ length: numImages }, (_, index) => generateRecord(index)),
    [],
  );
  library.imports.finish(importId, 'done');
  const groups = ['Группа', 'Контроль'].map((name) => library.groups.create(name));
  for (let image = 0; image < numImages; image++) {
    const context = { imageId: image + 1, contentKey: null, conceptSet: null };
    // An older trace of the same photograph, which must not count.
    library.traces.insert(judgedTrace(image + 1), context);
    library.traces.insert(judgedTrace(image), context);
    library.groups.addImages(groups[image < numImages / 2 ? 0 : 1]!.id, [image + 1]);
  }
  [groupId, controlId] = groups.map(({ id }) => id) as [number, number];
  modelId = library.traces.summary(1).modelId;
  library.close();
  workbench = await fixture.open({ runQueue: false });
}, 120_000);
afterAll(() => fixture.remove());

const ask = (controlGroupId: number | null) =>
  workbench.client.groups.statistics({
    ...{
      groupId,
      controlGroupId,
      modelId,
      conceptId: 'retina',
      conceptIds: ['macula', 'retina'],
      samples: 300,
    },
  });

test('every concept of a set in one table: when it emerges, in which share never, and beside controls', async () => {
  const { reading, group, control, concepts, difference } = await ask(controlId);
  expect(reading).toBe('words');
  expect([group.traceCount, group.patientCount, control!.patientCount]).toEqual([24, 2, 2]);
  expect(concepts.map(({ conceptId }) => conceptId)).toEqual(['macula', 'retina']);
  const [macula, retina] = concepts;
  expect(retina!.group).toMatchObject({
    imageCount: 24,
    cumulative: [0, 0, 0.5, 0.5, 0.5],
    never: 0.5,
    layer: 2,
  });
  expect(retina!.control).toMatchObject({ never: 1, layer: null, layerInterval: [null, null] });
  expect(macula!.group).toMatchObject({ never: 1, cumulative: [0, 0, 0, 0, 0] });
  expect(retina!.lastLayer.difference).toBeCloseTo(2, 0);
  expect(macula!.lastLayer.difference).toBeCloseTo(0, 0);
  expect(difference!.mean[4]).toBeCloseTo(retina!.lastLayer.difference!, 9);
  expect(await ask(controlId)).toEqual(await ask(controlId));
});

test('what is traced of a group is counted whole, however many traces there are', async () => {
  const [prompt] = await workbench.client.groups.traced({ id: groupId });
  expect(prompt).toMatchObject({ modelId, imageCount: 24, conceptSetId: null });
  expect(prompt!.prompts.reduce((sum, { imageCount }) => sum + imageCount, 0)).toBeGreaterThanOrEqual(24);
});

test('equal photographs on both sides differ in nothing', async () => {
  const same = await workbench.client.groups.create({ name: 'Те же' });
  await workbench.client.groups.addImages({
    id: same.id,
    images: { ids: Array.from({ length: numImages / 2 }, (_, index) => index + 1) },
  });
  const { concepts, difference } = await ask(same.id);
  expect(difference).toMatchObject({ mean: [0, 0, 0, 0, 0], correctedPValue: [1, 1, 1, 1, 1] });
  for (const { group, control, lastLayer } of concepts) {
    expect(control).toEqual(group);
    expect(lastLayer).toMatchObject({ difference: 0, correctedPValue: 1 });
  }
});

test('traces of older libraries are told of until their curves are read, a few at a time; then nothing has changed', async () => {
  const before = await ask(null);
  await workbench.close();
  const database = new SqliteDatabase(path.join(fixture.libraryFolder, 'library.sqlite'));
  database.exec('DELETE FROM trace_curves');
  database.close();
  workbench = await fixture.open({ runQueue: false });
  await expect(ask(null)).rejects.toMatchObject({ data: { code: 'input.invalid' } });
  const again = await openLibrary(fixture.libraryFolder);
  expect(again.traces.drawCurvesOfSome(2 * numImages - 2)).toBe(2 * numImages - 2);
  expect((await ask(null)).group.unreadCount).toBe(1);
  expect(again.traces.drawCurvesOfSome(100)).toBe(2);
  expect(again.traces.drawCurvesOfSome(100)).toBe(0);
  again.close();
  expect(await ask(null)).toEqual(before);
});
