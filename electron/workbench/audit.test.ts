import { afterAll, expect, test } from 'vitest';
import { importFolder, WorkbenchFixture } from './workbench-fixture.ts';

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
