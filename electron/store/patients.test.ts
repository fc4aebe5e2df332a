import { rmSync } from 'node:fs';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { generateTrace } from '../../bench/fixtures/generated-records.ts';
import { openLibrary } from './library/library.ts';
import type { Library } from './library/library.ts';
import { addRecords, makeRecord, scratchFolder } from './testing.ts';

let folder: string;
let library: Library;

beforeEach(async () => {
  folder = scratchFolder();
  library = await openLibrary(folder);
  addRecords(library, [
    ...photographs('П-2', '2023-01-15'),
    ...photographs('П-2', '2024-02-29'),
    ...photographs('П-10', '2024-02-29'),
    makeRecord('nobody.jpg'),
  ]);
});

afterEach(() => {
  library.close();
  rmSync(folder, { recursive: true });
});

function photographs(code: string, date: string) {
  return (['R', 'L'] as const).map((laterality) =>
    makeRecord(
      `${code} ${date} ${laterality}.jpg`,
      { laterality, lateralitySource: 'manifest' },
      {
        patient: { code, name: null, birthYear: null, sex: null },
        visit: { key: `${date}/`, date, label: '', studyUid: null },
      },
    ),
  );
}

const idOf = (code: string) => library.patients.findByCode(code)!.id;

/** Everything that a split or a merge may move. */
function state() {
  const patients = library.patients.list({ limit: 100 });
  return {
    patients,
    visits: patients.map(({ id }) => library.visits.ofPatient(id)),
    images: library.search
      .page({ sort: 'name' }, {}, 100)
      .items.map(({ id, patientId, visitId }) => [id, patientId, visitId]),
  };
}

it('parts a patient by visits, also into somebody known, and takes it back', () => {
  const before = state();
  const [first, second] = library.visits.ofPatient(idOf('П-2'));
  const toNew = library.patients.split(idOf('П-2'), [first!.id], 'П-3');
  expect(library.visits.ofPatient(idOf('П-3')).map(({ date, imageCount }) => [date, imageCount])).toEqual([
    ['2023-01-15', 2],
  ]);
  expect(library.visits.ofPatient(idOf('П-2')).map(({ date }) => date)).toEqual(['2024-02-29']);
  library.patients.unsplit(toNew);
  expect(state()).toEqual(before);
  const toKnown = library.patients.split(idOf('П-2'), [second!.id], 'П-10');
  expect(library.visits.ofPatient(idOf('П-10')).map(({ imageCount }) => imageCount)).toEqual([4]);
  library.patients.unsplit(toKnown);
  expect(state()).toEqual(before);
  const merged = library.patients.merge(idOf('П-2'), idOf('П-10'));
  library.patients.unmerge(merged);
  expect(state()).toEqual(before);
  expect(() => library.patients.split(idOf('П-2'), [first!.id], 'П-2')).toThrow('already');
  expect(() => library.patients.split(idOf('П-10'), [first!.id], 'П-5')).toThrow('not one of this patient');
  expect(state()).toEqual(before);
});

it('orders traces by patient, visit and eye, whatever is changed later', () => {
  const { items } = library.search.page({ sort: 'imported' }, {}, 100);
  for (const [index, { id }] of [...items].reverse().entries()) {
    library.traces.insert(generateTrace(index, null), { imageId: id, contentKey: null, conceptSet: null });
  }
  library.traces.insert(generateTrace(99, null), { imageId: null, contentKey: null, conceptSet: null });
  const order = () =>
    library.traces
      .list({ order: 'patient', limit: 100 })
      .map(({ patientCode, visitDate, laterality }) => [patientCode, visitDate, laterality].join(' '));
  const expected = [
    ...['П-2 2023-01-15 R', 'П-2 2023-01-15 L', 'П-2 2024-02-29 R', 'П-2 2024-02-29 L'],
    ...['П-10 2024-02-29 R', 'П-10 2024-02-29 L'],
  ];
  expect(order().slice(0, 6)).toEqual(expected);
  expect(order()).toHaveLength(8);
  expect(library.traces.list({ order: 'patient', limit: 2, skip: 3, lateralities: ['L'] })).toHaveLength(0);
  library.patients.update(idOf('П-10'), { code: 'П-1' });
  expect(order()[0]).toBe('П-1 2024-02-29 R');
  const [visit] = library.visits.ofPatient(idOf('П-2'));
  library.visits.update(visit!.id, { date: '2025-05-05' });
  expect(
    order()
      .slice(2, 6)
      .map((name) => name.split(' ')[1]),
  ).toEqual(['2024-02-29', '2024-02-29', '2025-05-05', '2025-05-05']);
  const last = items.find(({ fileName }) => fileName === 'П-10 2024-02-29 L.jpg')!;
  library.images.update(last.id, { laterality: 'R' });
  expect(library.traces.count({ lateralities: ['R'] })).toBe(4);
  library.images.update(last.id, { patientId: null, visitId: null });
  expect(order()[0]).toBe('П-1 2024-02-29 R');
  expect(order()[1]).toMatch(/^П-2/);
});

it('finds what has changed since the same words were looked for', () => {
  const [image] = library.search.page({ sort: 'name' }, {}, 1).items;
  const add = (index: number) =>
    library.traces.insert(generateTrace(index, null), {
      imageId: image!.id,
      contentKey: null,
      conceptSet: null,
    });
  const words = { text: 'П-2 jpg' };
  add(0);
  const before = library.traces.count({ text: image!.fileName });
  expect(before).toBe(library.traces.list({ text: image!.fileName, limit: 10 }).length);
  add(1);
  expect(library.traces.count({ text: image!.fileName })).toBe(before + 1);
  expect(library.traces.list({ ...words, limit: 10, order: 'patient' }).length).toBe(
    library.traces.count(words),
  );
});
