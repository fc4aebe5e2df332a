import fc from 'fast-check';
import { rmSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { imageSortKeys } from '../../contract/image-query.ts';
import type { ImageQuery } from '../../contract/image-query.ts';
import { openLibrary } from '../library/library.ts';
import type { Library } from '../library/library.ts';
import { naturalKey } from '../database/natural-key.ts';
import { toMatchExpression } from '../database/search-text.ts';
import { addRecords, makeRecord, scratchFolder } from '../testing.ts';

let folder: string;
let library: Library;

beforeAll(async () => {
  folder = scratchFolder();
  library = await openLibrary(folder);
  const records = Array.from({ length: 60 }, (_, i) =>
    makeRecord(
      `снимок ${i}.jpg`,
      {
        laterality: i % 3 === 0 ? 'L' : 'R',
        lateralitySource: 'user',
        modality: i % 4 === 0 ? 'OPT' : 'OP',
        capturedAt: i % 5 === 0 ? null : `2024-01-${String(1 + (i % 20)).padStart(2, '0')}T10:00:00`,
        note: i % 10 === 0 ? 'Повторить съёмку' : '',
      },
      {
        patient:
          i % 7 === 0 ? null : { code: `P${i % 12}`, name: `Семёнова ${i % 12}`, birthYear: null, sex: null },
        tags: i % 6 === 0 ? ['Отёк'] : [],
        findings: i % 8 === 0 ? [{ label: 'друзы', source: 'manifest' }] : [],
      },
    ),
  );
  addRecords(library, records);
});

afterAll(() => {
  library.close();
  rmSync(folder, { recursive: true });
});

const queries: ImageQuery[] = imageSortKeys.flatMap((sort) =>
  [false, true].flatMap((descending) => [
    { sort, descending },
    { sort, descending, filter: { text: 'семенова', lateralities: ['R' as const] } },
  ]),
);

describe('pages', () => {
  it.each(queries)('walk through %j forward and backward', (query) => {
    const ids = library.search.ids(query);
    expect(ids).toHaveLength(library.search.count(query));
    for (const backward of [false, true]) {
      const walked: number[] = [];
      let page = library.search.page(query, backward ? { end: true } : {}, 7);
      while (page.items.length > 0) {
        const own = page.items.map(({ id }) => id);
        walked.push(...(backward ? own.reverse() : own));
        page = library.search.page(query, backward ? { before: page.first! } : { after: page.last! }, 7);
      }
      expect(backward ? walked.reverse() : walked).toEqual(ids);
    }
    expect(library.search.page(query, { offset: 5 }, 3).items.map(({ id }) => id)).toEqual(ids.slice(5, 8));
    expect(library.search.cards(ids).map(({ id }) => id)).toEqual(ids);
  });

  it('refuses a cursor of another list', () => {
    const { last } = library.search.page({ sort: 'name' });
    expect(() => library.search.page({ sort: 'patient' }, { after: last! })).toThrow(/cursor/);
    expect(() => library.search.page({}, { after: 'rubbish' })).toThrow(/cursor/);
  });
});

describe('filters', () => {
  it.each<[ImageQuery['filter'], number]>([
    [{ lateralities: ['L'] }, 20],
    [{ lateralities: ['L', 'R'] }, 60],
    [{ lateralities: [] }, 0],
    [{ modalities: ['OPT'], lateralities: ['L'] }, 5],
    [{ capturedFrom: '2024-01-02', capturedTo: '2024-01-03' }, 6],
    [{ capturedTo: '2024-01-02' }, 3],
    [{ patientId: null }, 9],
    [{ text: 'отек' }, 10],
    [{ text: 'ОТЁК' }, 10],
    [{ text: 'друз' }, 8],
    [{ text: 'повт съёмку' }, 6],
    [{ text: '"съемку повторить"' }, 0],
    [{ text: 'P11' }, 4],
    [{ text: '   ' }, 60],
    [{ traced: { is: true } }, 0],
    [{ ids: [1, 2, 999] }, 2],
  ])('%j finds %d', (filter, count) => {
    expect(library.search.count({ filter: filter! })).toBe(count);
    expect(library.search.page({ filter: filter! }).items).toHaveLength(count);
  });

  it('take any text without an error of the query language', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 30 }), (text) => {
        expect(library.search.count({ filter: { text } })).toBeGreaterThanOrEqual(0);
      }),
    );
    expect(toMatchExpression('друзы')).toBe('("друзы"* OR "drusen")');
    expect(toMatchExpression('ОТЕК')).toBe('("ОТЕК"* OR "macular oedema risk 1" OR "macular oedema risk 2")');
    expect(toMatchExpression('a" OR b NEAR(c)')).toBe('"a"* AND "OR"* AND "b"* AND "NEAR c"*');
  });
});

describe('the search index', () => {
  it('follows every change at once', () => {
    const [id] = addRecords(library, [
      makeRecord('новый.jpg', {}, { patient: { code: 'Z1', name: 'Кротова', birthYear: null, sex: null } }),
    ]);
    const finds = (text: string) => library.search.count({ filter: { text, ids: [id!] } }) === 1;
    const patientId = library.images.get(id!).patientId!;
    expect([finds('новый'), finds('Кротова'), finds('Z1')]).toEqual([true, true, true]);
    library.patients.update(patientId, { name: 'Бобрихина', code: 'Z2' });
    expect([finds('Кротова'), finds('Бобрихина'), finds('Z2')]).toEqual([false, true, true]);
    const tag = library.tags.add([id!], 'серия');
    expect(finds('серия')).toBe(true);
    library.tags.rename(tag, 'выборка');
    expect([finds('серия'), finds('выборка')]).toEqual([false, true]);
    library.tags.remove(tag);
    expect(finds('выборка')).toBe(false);
    const finding = library.findings.put({ imageId: id!, label: 'кровоизлияние', source: 'user' });
    expect(finds('кровоизл')).toBe(true);
    library.findings.remove(finding.id);
    library.images.update(id!, { note: 'смазано', patientId: null });
    expect([finds('кровоизл'), finds('смазано'), finds('Бобрихина')]).toEqual([false, true, false]);
    library.images.remove(id!);
    expect(finds('смазано')).toBe(false);
  });
});

describe('naturalKey', () => {
  it('puts 2 before 10, whatever stands around', () => {
    fc.assert(
      fc.property(fc.nat(10 ** 9), fc.nat(10 ** 9), (a, b) => {
        expect(naturalKey(`Пациент ${a}`) < naturalKey(`пациент ${b}`)).toBe(a < b);
      }),
    );
  });
});
