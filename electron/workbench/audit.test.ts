import path from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { fixtureModel, importFolder, settle, WorkbenchFixture } from './workbench-fixture.ts';

const fixture = new WorkbenchFixture();
afterAll(() => fixture.remove());

test('tags, findings and exports leave an entry each, without a name in it', async () => {
  const workbench = await fixture.open();
  const { client } = workbench;
  const ids = await importFolder(workbench, fixture.source({ 'Иванова_OD.png': 'tiny-45x38.png' }));
  await client.images.putFinding({ ids, finding: { label: 'друзы' } });
  await client.exports.images({ format: 'csv' });
  await client.exports.images({ format: 'csv', deidentify: { confirmBurnedInText: true } });
  await client.images.addTag({ ids, name: 'Ивановой' });
  const entries = await client.library.audit({ limit: 10 });
  expect(entries.slice(0, 4).map(({ action, details }) => ({ action, details }))).toMatchObject([
    { action: 'tag.add', details: { images: 1 } },
    { action: 'export.images', details: { to: 'answer', deidentified: true } },
    { action: 'export.images', details: { to: 'answer', deidentified: false } },
    { action: 'finding.put', details: { images: 1 } },
  ]);
  expect(JSON.stringify(entries)).not.toMatch(/Иванов|друзы/);
});

test('so does what a trace was computed from, written to a file', async () => {
  const workbench = await fixture.open();
  const { client } = workbench;
  const ids = await importFolder(workbench, fixture.source({ 'b_OD.png': 'square-112x112.png' }));
  const { id: modelId } = await client.models.addFolder({ folder: fixtureModel });
  const order = { images: { ids: ids.slice(-1) }, modelId, prompts: ['Describe this image.'] };
  const { added } = await client.traces.enqueue({ ...order, conceptSetId: 'fundus', topK: 3, generate: 0 });
  const [task] = await settle(workbench, added);
  await client.exports.dump({ traceId: task!.traceId!, path: path.join(fixture.folder, 'a.safetensors') });
  const [entry] = await client.library.audit({ limit: 1 });
  expect(entry).toMatchObject({ action: 'export.dump', details: { to: 'file', traces: 1 } });
  expect(JSON.stringify(entry)).not.toContain('safetensors');
});
