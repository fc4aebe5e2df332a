import { rmSync } from 'node:fs';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { protocolFormat, type Protocol, type ProtocolValue } from '../protocol/protocol.ts';
import { openLibrary, type Library } from './library/library.ts';
import { addRecords, makeRecord, scratchFolder } from './testing.ts';

let folder: string;
let library: Library;
let images: number[];

beforeEach(async () => {
  folder = scratchFolder();
  library = await openLibrary(folder);
  images = addRecords(library, [makeRecord('а.jpg'), makeRecord('б.jpg')]);
});
afterEach(() => {
  library.close();
  rmSync(folder, { recursive: true });
});

function describe(observer: string, values: Record<string, ProtocolValue>): Protocol {
  return {
    format: protocolFormat,
    schemaId: 'fundus',
    schemaVersion: 1,
    image: null,
    observer,
    values: Object.fromEntries(
      Object.entries(values).map(([field, value]) => [field, { value, source: 'manual', certainty: null }]),
    ),
  };
}

test('versions of each observer are kept, the newest is in force', () => {
  const [image] = images as [number];
  library.protocols.add(image, describe('Иванова', { 'disc.colour': 'pink' }));
  library.protocols.add(image, describe('Petrov', { 'disc.colour': 'grey', 'disc.size': null }));
  const second = library.protocols.add(image, describe('Иванова', { 'disc.colour': 'pale' }), 1);
  expect(second.version).toMatchObject({ version: 2, assessed: 1, sources: ['manual'] });
  expect(library.protocols.ofImage(image).map(({ observer, version }) => [observer, version])).toEqual([
    ['Petrov', 1],
    ['Иванова', 2],
  ]);
  const history = library.protocols.history(image, 'Иванова');
  expect(history.map(({ version }) => version)).toEqual([2, 1]);
  expect(library.protocols.get(history[1]!.id).protocol.values['disc.colour']!.value).toBe('pink');
  expect(library.protocols.observers()).toEqual([
    { observer: 'Petrov', images: 1 },
    { observer: 'Иванова', images: 1 },
  ]);
});

test('the same content makes no version, and an edit of an older one is refused', () => {
  const [image] = images as [number];
  const first = library.protocols.add(image, describe('', { 'disc.colour': 'pink' }), 0);
  expect(library.protocols.add(image, describe('', { 'disc.colour': 'pink' }), 0)).toEqual(first);
  library.protocols.add(image, describe('', { 'disc.colour': 'grey' }), 1);
  expect(() => library.protocols.add(image, describe('', { 'disc.colour': 'pale' }), 1)).toThrow(
    'changed meanwhile',
  );
  expect(library.protocols.history(image, '')).toHaveLength(2);
});

test('protocols go with their image or observer, and every change is audited', async () => {
  const [first, second] = images as [number, number];
  library.protocols.add(first, describe('A', { 'disc.colour': 'pink' }));
  library.protocols.add(second, describe('A', { 'disc.colour': 'pink' }));
  library.protocols.add(second, describe('B', { 'disc.colour': 'pink' }));
  const group = library.groups.create('Проба');
  library.groups.addImages(group.id, [second]);
  expect(library.protocols.ofGroup(group.id).map(({ observer }) => observer)).toEqual(['A', 'B']);
  expect(library.protocols.remove(second, 'B')).toBe(1);
  expect(library.protocols.remove(second, 'B')).toBe(0);
  library.images.remove(first);
  expect(library.protocols.ofImage(first)).toEqual([]);
  expect(library.protocols.observers()).toEqual([{ observer: 'A', images: 1 }]);
  const actions = library.audit.list(20).map(({ action }) => action);
  expect(actions.filter((action) => action.startsWith('protocol.'))).toEqual([
    'protocol.remove',
    'protocol.save',
    'protocol.save',
    'protocol.save',
  ]);
  expect((await library.verify()).audit.intact).toBe(true);
});

test('an image or a version that is not there is named', () => {
  expect(() => library.protocols.add(999, describe('A', {}))).toThrow('no such image');
  expect(() => library.protocols.get(999)).toThrow('no such protocol');
});
