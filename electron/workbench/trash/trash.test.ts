import { afterEach, describe, expect, test, vi } from 'vitest';
import { openLibrary } from '../../store/library/library.ts';
import { fixtureModel, importFolder, settle, WorkbenchFixture } from '../workbench-fixture.ts';
import type { Workbench } from '../open-workbench.ts';

vi.setConfig({ testTimeout: 300_000 });
const fixtures: WorkbenchFixture[] = [];
afterEach(async () => {
  for (const fixture of fixtures.splice(0)) await fixture.remove();
});

async function tracedLibrary() {
  const fixture = new WorkbenchFixture();
  fixtures.push(fixture);
  const workbench = await fixture.open();
  const { client } = workbench;
  const folder = fixture.source({ 'P1_OD.png': 'photo-301x257.png', 'P1_OS.png': 'square-112x112.png' });
  const [first, second] = await importFolder(workbench, folder);
  const ids = [first!];
  await client.images.update({ ids, change: { patient: { code: 'П-1' }, visit: { date: '2024-02-29' } } });
  await client.images.addTag({ ids, name: 'спорный' });
  await client.images.putFinding({ ids, finding: { label: 'drusen', note: 'мелкие' } });
  const group = await client.groups.create({ name: 'Когорта' });
  await client.groups.addImages({ id: group.id, images: { ids: [first!, second!] } });
  await client.protocols.save({ imageId: first!, observer: 'А. Б.', values: {} });
  const { id: modelId } = await client.models.addFolder({ folder: fixtureModel });
  const order = {
    images: { ids },
    modelId,
    prompts: ['Какой это орган?'],
    conceptSetId: 'fundus',
    controls: false,
  };
  const { added } = await client.traces.enqueue({ ...order, positions: 'last' as const });
  const [task] = await settle(workbench, added);
  expect(task).toMatchObject({ state: 'done' });
  const [trace] = await client.traces.list({});
  await client.traces.note({ id: trace!.id, note: 'показать на разборе' });
  return { fixture, workbench, client, imageId: first!, groupId: group.id, traceId: trace!.id };
}

async function everything({ client }: Workbench, imageId: number, traceId: number) {
  return {
    image: await client.images.get({ id: imageId }),
    trace: await client.traces.get({ id: traceId }),
    cells: Buffer.from(await (await client.traces.cells({ id: traceId })).arrayBuffer()).toString('base64'),
    protocols: await client.protocols.list({ imageId }),
    groups: await client.groups.list(),
    found: await client.images.count({ query: { filter: { text: 'спорный drusen' } } }),
    answers: await client.traces.count({ text: 'орган' }),
  };
}

/** A finding gets a new number when it comes back; nothing else knows it by its number. */
function withoutFindingIds(all: Awaited<ReturnType<typeof everything>>) {
  return { ...all, image: { ...all.image, findings: all.image.findings.map((one) => ({ ...one, id: 0 })) } };
}

describe('what was removed', () => {
  test('an image comes back whole: patient, visit, tags, findings, group, protocol, trace, note, every bit', async () => {
    const { workbench, client, imageId, traceId } = await tracedLibrary();
    const before = await everything(workbench, imageId, traceId);
    expect(before).toMatchObject({ found: 1, answers: 1 });
    await client.images.remove({ ids: [imageId] });
    expect(await client.traces.count({})).toBe(0);
    const [item] = await client.trash.list();
    expect(item).toMatchObject({ kind: 'image', label: 'P1_OD.png', itemId: imageId });
    expect(Date.parse(item!.goesAt) - Date.parse(item!.removedAt)).toBe(30 * 86_400_000);
    expect((await client.images.undoable())?.action).toBe('remove-images');
    await client.trash.restore({ ids: [item!.id] });
    const after = await everything(workbench, imageId, traceId);
    expect(withoutFindingIds(after)).toEqual(withoutFindingIds(before));
    expect(await client.trash.list()).toEqual([]);
    expect((await client.library.verify()).problems).toEqual([]);
  });

  test('undo takes back the removal of a trace, a group, a protocol and a concept set, and what was done before it', async () => {
    const { workbench, client, imageId, traceId, groupId } = await tracedLibrary();
    const before = await everything(workbench, imageId, traceId);
    const { set } = await client.concepts.get({ setId: 'modality' });
    await client.concepts.save({ set: { ...set, id: 'mine' } });
    await client.images.addTag({ ids: [imageId], name: 'ещё' });
    await client.traces.remove({ ids: [traceId] });
    await client.groups.remove({ id: groupId });
    await client.protocols.remove({ imageId, observer: 'А. Б.' });
    await client.concepts.remove({ setId: 'mine' });
    expect((await client.trash.list()).map(({ kind }) => kind)).toEqual([
      'concept-set',
      'protocol',
      'group',
      'trace',
    ]);
    const undone: string[] = [];
    for (let step = 0; step < 5; step++) undone.push((await client.images.undo())!.action);
    expect(undone).toEqual([
      'remove-concept-set',
      'remove-protocol',
      'remove-group',
      'remove-traces',
      'add-tag',
    ]);
    expect(await everything(workbench, imageId, traceId)).toEqual(before);
    expect((await client.concepts.get({ setId: 'mine' })).builtIn).toBe(false);
  });

  test('a photograph that was taken in anew keeps its place, and a trace waits for its photograph', async () => {
    const { fixture, workbench, client, imageId, traceId } = await tracedLibrary();
    await client.traces.remove({ ids: [traceId] });
    await client.images.remove({ ids: [imageId] });
    const [image, trace] = await client.trash.list();
    await expect(client.trash.restore({ ids: [trace!.id] })).rejects.toMatchObject({
      data: { code: 'input.invalid', summary: 'What it belongs to is not in the library.' },
    });
    await importFolder(workbench, fixture.source({ 'again.png': 'photo-301x257.png' }));
    await expect(client.trash.restore({ ids: [image!.id] })).rejects.toMatchObject({
      data: { code: 'input.invalid', summary: 'The photograph is in the library again.' },
    });
    expect(await client.trash.list()).toHaveLength(2);
  });

  test('files of the trash are kept and not called left over; erase empties it; 30 days do too', async () => {
    const { fixture, workbench, client, imageId } = await tracedLibrary();
    await client.images.remove({ ids: [imageId] });
    expect((await client.library.verify()).leftOver).toEqual([]);
    await workbench.close();
    const later = await openLibrary(fixture.libraryFolder, {
      now: () => new Date(Date.now() + 10 * 86_400_000),
    });
    expect((await later.collectLeftOvers()).files).toBe(0);
    expect(later.trash.removeOld()).toBe(0);
    later.close();
    const muchLater = await openLibrary(fixture.libraryFolder, {
      now: () => new Date(Date.now() + 31 * 86_400_000),
    });
    expect(muchLater.trash.removeOld()).toBe(1);
    expect((await muchLater.erase()).files).toBeGreaterThan(0);
    muchLater.close();
  });
});
