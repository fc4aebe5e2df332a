import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { unpackTrace } from '../engine/lens-trace/codec.ts';
import { importFolder, fixtureModel, settle, WorkbenchFixture } from './workbench-fixture.ts';
import type { Workbench } from './open-workbench.ts';

const fixture = new WorkbenchFixture();
let workbench: Workbench;
let images: number[];
let modelId: number;

beforeAll(async () => {
  workbench = await fixture.open();
  const folder = fixture.source({ 'P1_OD.png': 'square-112x112.png', 'P1_OS.png': 'tiny-45x38.png' });
  images = await importFolder(workbench, folder);
  ({ id: modelId } = await workbench.client.models.addFolder({ folder: fixtureModel }));
}, 60_000);
afterAll(() => fixture.remove());

describe('a library from import to trace', () => {
  test('images come in with what their names say', async () => {
    const { client } = workbench;
    expect(images).toHaveLength(2);
    const detail = await client.images.get({ id: images[0]! });
    expect(detail.image).toMatchObject({ fileName: 'P1_OD.png', laterality: 'R', width: 112 });
    const facets = await client.images.facets({});
    expect(facets).toMatchObject({ total: 2, traced: 0, formats: [{ value: 'png', count: 2 }] });
  });

  test('an order is traced once, also when it is placed twice', async () => {
    const { client } = workbench;
    const order = {
      images: { ids: images },
      modelId,
      prompts: ['Describe this image.'],
      conceptSetId: 'fundus',
      topK: 5,
      generate: 2,
    };
    const first = await client.traces.enqueue(order);
    expect(first).toMatchObject({ existing: [], requeued: [] });
    expect(first.added).toHaveLength(2);
    const jobs = await settle(workbench, first.added);
    expect(jobs.map(({ state, problem }) => ({ state, problem }))).toEqual([
      { state: 'done', problem: null },
      { state: 'done', problem: null },
    ]);
    const second = await client.traces.enqueue(order);
    expect(second).toMatchObject({ added: [], requeued: [], existing: first.added });
    expect(second.traceIds).toEqual(jobs.map(({ traceId }) => traceId));
    expect(await client.traces.list({})).toHaveLength(2);

    const [trace] = await client.traces.list({ imageId: images[0]! });
    const blob = await client.traces.cells({ id: trace!.id });
    const unpacked = unpackTrace(await blob.arrayBuffer());
    const { header } = await client.traces.get({ id: trace!.id });
    expect(unpacked.cells.topIds).toHaveLength(unpacked.layers.length * unpacked.positions.length * 5);
    expect(unpacked.generated).toEqual(header.generated);

    await client.traces.remove({ ids: [trace!.id] });
    const again = await client.traces.enqueue(order);
    expect(again.requeued).toHaveLength(1);
    await settle(workbench, again.requeued);
    expect(await client.traces.list({ imageId: images[0]! })).toHaveLength(1);
    expect(fixture.errors).toEqual([]);
  }, 60_000);
});
