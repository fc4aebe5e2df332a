import { readFileSync } from 'node:fs';
import { afterEach, expect, test } from 'vitest';
import { openLibrary } from '../../store/library/library.ts';
import { fixtureImage, fixtureModel, importFolder, WorkbenchFixture } from '../workbench-fixture.ts';
import { queuedTraceSchema } from './queued-trace.ts';
import { upcomingImages } from './upcoming-images.ts';

let fixture = new WorkbenchFixture();
afterEach(async () => {
  await fixture.remove();
  fixture = new WorkbenchFixture();
});

const pictures = ['square-112x112.png', 'tiny-45x38.png', 'portrait-140x196.png', 'photo-301x257.png'];
const names = Object.fromEntries(pictures.map((picture, index) => [`${index}.png`, picture]));

test('an engine is told the other images of the queue, nearest first, that are read in the same way', async () => {
  const workbench = await fixture.open({ runQueue: false });
  const { client } = workbench;
  const ids = await importFolder(workbench, fixture.source(names));
  const { id: modelId } = await client.models.addFolder({ folder: fixtureModel });
  const order = { modelId, conceptSetId: 'fundus', topK: 3, generate: 0, prompts: ['First?', 'Second?'] };
  const [first, second, third, fourth] = ids as [number, number, number, number];
  await client.traces.enqueue({ ...order, images: { ids: [first, second, third] } });
  await client.traces.enqueue({ ...order, images: { ids: [fourth] }, positions: 'all' });
  await client.traces.enqueue({ ...order, images: { ids: [fourth] }, prompts: ['Urgent?'], priority: 5 });
  await client.traces.enqueue({ ...order, images: null });
  await workbench.close();

  const library = await openLibrary(fixture.libraryFolder);
  const claim = () => library.queue.claim({ worker: 'test' })!;
  const told = (job: ReturnType<typeof claim>) =>
    upcomingImages(library, job, queuedTraceSchema.parse(job.request)).map((file) =>
      pictures.findIndex((picture) => readFileSync(file).equals(readFileSync(fixtureImage(picture)))),
    );
  const urgent = claim();
  expect(urgent.imageId).toBe(fourth);
  expect(told(urgent)).toEqual([0, 1, 2]);
  const next = claim();
  expect(next.imageId).toBe(first);
  expect(told(next)).toEqual([1, 2]);
  expect(told({ ...next, imageId: null })).toEqual([]);
  expect(told({ ...next, attempts: 2 })).toEqual([]);
  library.close();
});
