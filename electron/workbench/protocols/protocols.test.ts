import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { fhirBundleSchema } from '../../protocol/export/fhir-format.ts';
import { readProtocol, type Protocol, type ProtocolValue } from '../../protocol/protocol.ts';
import { readProtocolSchema } from '../../protocol/schema.ts';
import type { Workbench } from '../open-workbench.ts';
import { importFolder, WorkbenchFixture } from '../workbench-fixture.ts';

const fixture = new WorkbenchFixture();
let client: Workbench['client'];
let images: number[];

beforeAll(async () => {
  const workbench = await fixture.open();
  ({ client } = workbench);
  images = await importFolder(
    workbench,
    fixture.source({ 'a_OD.png': 'square-112x112.png', 'b_OS.png': 'tiny-45x38.png' }),
  );
});
afterAll(() => fixture.remove());

function manual(values: Record<string, ProtocolValue>): Protocol['values'] {
  return Object.fromEntries(
    Object.entries(values).map(([field, value]) => [field, { value, source: 'manual', certainty: null }]),
  );
}

const healthy = manual({ 'header.eye': 'OD', 'disc.colour': 'pale-pink', 'disc.cup-disc-ratio': 0.3 });

test('a protocol is saved, read in both languages, edited, and put back', async () => {
  const imageId = images[0]!;
  const about = { imageId, observer: 'Иванова' };
  const first = await client.protocols.save({ ...about, values: healthy, basedOn: 0 });
  expect(first).toMatchObject({ version: { version: 1, assessed: 3, observer: 'Иванова' } });
  const { image } = await client.images.get({ id: imageId });
  expect(first.protocol.image).toBe(image.sha256);
  const read = async (language: 'en' | 'ru') =>
    (await client.protocols.text({ id: first.version.id, language })).text;
  expect(await read('en')).toMatch(/0\.3\b/);
  expect(await read('ru')).toMatch(/0,3(?!\d)/);

  const edited = manual({ 'disc.colour': 'pale' });
  const second = await client.protocols.save({ ...about, values: edited, basedOn: 1 });
  expect(second.version.version).toBe(2);
  await expect(client.protocols.save({ ...about, values: {}, basedOn: 1 })).rejects.toMatchObject({
    data: { code: 'input.invalid', found: 'an edit of version 1' },
  });
  const restored = await client.protocols.restore({ id: first.version.id });
  expect(restored).toMatchObject({ version: { version: 3 }, protocol: { values: healthy } });
  expect((await client.protocols.history(about)).map(({ version }) => version)).toEqual([3, 2, 1]);
  expect((await client.protocols.list({ imageId })).map(({ id }) => id)).toEqual([restored.version.id]);
});

test('what the form does not allow is refused with every reason, and nothing is kept', async () => {
  const about = { imageId: images[1]!, observer: 'wrong' };
  const values = manual({ 'disc.colour': 'green', 'disc.cup-disc-ratio': 3, 'disc.tail': 'long' });
  const refused = await client.protocols.save({ ...about, values }).catch((error: unknown) => error);
  expect(refused).toMatchObject({ data: { code: 'protocol.invalid' } });
  const { found } = (refused as { data: { found: string } }).data;
  for (const field of Object.keys(values)) expect(found).toContain(field);
  expect(await client.protocols.history(about)).toEqual([]);
  await expect(client.protocols.save({ imageId: 9999, observer: '', values: healthy })).rejects.toMatchObject(
    { data: { code: 'input.invalid' } },
  );
});

test('observers are compared on one image, and over a group', async () => {
  const [first, second] = images as [number, number];
  const save = async (imageId: number, observer: string, values: Record<string, ProtocolValue>) =>
    (await client.protocols.save({ imageId, observer, values: manual(values) })).version.id;
  const a = await save(first, 'A', { 'disc.colour': 'pink', 'disc.size': 'normal' });
  const b = await save(first, 'B', { 'disc.colour': 'pale' });
  const elsewhere = await save(second, 'A', { 'disc.colour': 'pink' });
  await save(second, 'B', { 'disc.colour': 'pink' });
  const { fields } = await client.protocols.compare({ ids: [a, b] });
  const relation = (id: string) => fields.find(({ field }) => field === id)?.relation;
  expect(['disc.colour', 'disc.size', 'disc.shape'].map(relation)).toEqual([
    'different',
    'partly-assessed',
    'not-assessed',
  ]);
  await expect(client.protocols.compare({ ids: [a, elsewhere] })).rejects.toMatchObject({
    data: { code: 'input.invalid' },
  });

  const group = await client.groups.create({ name: 'Двое' });
  await client.groups.addImages({ id: group.id, images: { ids: images } });
  const agreement = await client.protocols.agreement({ groupId: group.id, observers: ['A', 'B'] });
  expect(agreement.images).toBe(2);
  expect(agreement.fields.find(({ field }) => field === 'disc.colour')).toMatchObject({
    both: 2,
    onlyOne: 0,
    equal: 0.5,
    kappa: { n: 2, value: 0 },
  });
  for (const observers of [
    ['A', 'A'],
    ['A', 'nobody'],
  ] as [string, string][]) {
    await expect(client.protocols.agreement({ groupId: group.id, observers })).rejects.toMatchObject({
      data: { code: 'input.invalid' },
    });
  }
});

test('exports: JSON that is read back, a FHIR bundle, a table of a group', async () => {
  const schema = readProtocolSchema(await client.protocols.schema());
  const { version, protocol } = await client.protocols.save({
    imageId: images[0]!,
    observer: 'Экспорт',
    values: healthy,
  });
  const which = { ids: [version.id] };
  const json = await client.protocols.export({ which, format: 'json' });
  expect(readProtocol(schema, JSON.parse(await json.file!.text()))).toEqual(protocol);

  const fhir = await client.protocols.export({ which, format: 'fhir', language: 'ru' });
  const bundle = fhirBundleSchema.parse(JSON.parse(await fhir.file!.text()));
  expect(bundle.entry.some(({ resource }) => resource.valueQuantity?.value === 0.3)).toBe(true);
  expect(bundle.entry.every(({ resource }) => resource.status === 'preliminary')).toBe(true);

  const group = await client.groups.create({ name: 'Таблица' });
  await client.groups.addImages({ id: group.id, images: { ids: images } });
  const file = path.join(fixture.folder, 'протоколы.csv');
  const target = { to: 'file', path: file } as const;
  await client.protocols.export({ which: { groupId: group.id, observer: 'Экспорт' }, format: 'csv', target });
  const lines = readFileSync(file, 'utf8').trim().split('\r\n');
  expect(lines).toHaveLength(2);
  expect(lines[1]).toContain(',OD,manual,,');

  const inside = path.join(fixture.libraryFolder, 'x.json');
  await expect(
    client.protocols.export({ which, format: 'json', target: { to: 'file', path: inside } }),
  ).rejects.toMatchObject({ data: { code: 'output.unwritable' } });
  expect(existsSync(inside)).toBe(false);
  await expect(
    client.protocols.export({ which: { groupId: group.id, observer: 'nobody' }, format: 'csv' }),
  ).rejects.toMatchObject({ data: { code: 'input.invalid' } });
});

test('removing a protocol takes all its versions', async () => {
  const about = { imageId: images[0]!, observer: 'Иванова' };
  expect(await client.protocols.remove(about)).toEqual({ changed: 3 });
  expect(await client.protocols.history(about)).toEqual([]);
});
