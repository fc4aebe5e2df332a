import { afterAll, beforeAll, expect, test } from 'vitest';
import { circle } from '../../protocol/geometry/shapes.ts';
import type { Workbench } from '../open-workbench.ts';
import { importFolder, WorkbenchFixture } from '../workbench-fixture.ts';

const fixture = new WorkbenchFixture();
let client: Workbench['client'];
let imageId: number;

beforeAll(async () => {
  const workbench = await fixture.open();
  ({ client } = workbench);
  const images = await importFolder(workbench, fixture.source({ 'a_OD.png': 'square-112x112.png' }));
  imageId = images[0]!;
});
afterAll(() => fixture.remove());

const disc = { of: 'disc', shape: circle([60, 50], 20) };
const cup = { of: 'cup', shape: circle([60, 50], 8) };

test('a drawing is kept in versions, and what it measures follows into the protocol', async () => {
  const about = { imageId, observer: 'Иванова' };
  const { stored, protocol } = await client.drawings.save({ ...about, shapes: [disc, cup], basedOn: 0 });
  expect(stored.version).toMatchObject({ version: 1, shapes: 2 });
  expect(protocol?.protocol.values['disc.cup-disc-ratio']).toMatchObject({ value: 0.4, source: 'measured' });
  expect(protocol?.protocol.values['disc.circumference']).toMatchObject({ value: 126, source: 'measured' });

  const later = await client.drawings.save({ ...about, shapes: [disc], basedOn: 1 });
  expect(later.protocol?.protocol.values['disc.cup-disc-ratio']).toBeUndefined();
  await expect(client.drawings.save({ ...about, shapes: [], basedOn: 1 })).rejects.toMatchObject({
    data: { code: 'input.invalid' },
  });
  expect((await client.drawings.history(about)).map(({ version }) => version)).toEqual([2, 1]);
});

test('a contour that crosses itself is refused, and nothing is kept', async () => {
  const points = [
    [10, 10],
    [50, 50],
    [50, 10],
    [10, 50],
  ] as [number, number][];
  const shapes = [{ of: 'disc', shape: { kind: 'polygon' as const, points } }];
  await expect(client.drawings.save({ imageId, observer: 'x', shapes })).rejects.toMatchObject({
    data: { code: 'protocol.invalid', expected: 'a contour that does not cross itself' },
  });
  expect(await client.drawings.history({ imageId, observer: 'x' })).toEqual([]);
  expect(await client.protocols.history({ imageId, observer: 'x' })).toEqual([]);
});

test('a number that was entered by hand stays until it is said to be replaced', async () => {
  const about = { imageId, observer: 'Петрова' };
  const values = { 'disc.cup-disc-ratio': { value: 0.6, source: 'manual' as const, certainty: null } };
  await client.protocols.save({ ...about, values });
  const kept = await client.drawings.save({ ...about, shapes: [disc, cup] });
  expect(kept.protocol?.protocol.values).toMatchObject({
    'disc.cup-disc-ratio': { value: 0.6, source: 'manual' },
    'disc.area': { value: 1257, source: 'measured' },
  });
  const replaced = await client.drawings.save({ ...about, shapes: [disc, cup], replaceManual: true });
  expect(replaced.stored.version.version).toBe(1);
  expect(replaced.protocol?.protocol.values['disc.cup-disc-ratio']).toMatchObject({
    value: 0.4,
    source: 'measured',
  });
});

test('what measures nothing begins no protocol, and a drawing comes back from the trash with its photograph', async () => {
  const about = { imageId, observer: 'Сидорова' };
  const crossing = { of: 'crossings', shape: { kind: 'point' as const, at: [20, 30] as [number, number] } };
  const { stored, protocol } = await client.drawings.save({ ...about, shapes: [crossing] });
  expect(protocol).toBeNull();
  await client.images.remove({ ids: [imageId] });
  const [item] = await client.trash.list();
  await client.trash.restore({ ids: [item!.id] });
  const again = await client.drawings.list({ imageId });
  expect(again.find(({ version }) => version.observer === 'Сидорова')).toEqual(stored);
});
