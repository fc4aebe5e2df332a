import { expect, test } from 'vitest';
import { GridRows, packGrid } from './image-grid.ts';
import type { GridCard } from './image-grid.ts';

const card: GridCard = {
  id: 7,
  sha256: '00ff17ab89cdef01',
  patientCode: 'П-1',
  capturedAt: '2024-02-29T10:00:00',
  fileName: null,
  laterality: 'L',
  traceCount: 3,
  visit: { number: 2, count: 5 },
  findings: ['друзы', 'отёк, макула'],
};
const bare: GridCard = {
  id: 4_000_000_000,
  sha256: 'ffffffffffffffff',
  patientCode: null,
  capturedAt: null,
  fileName: 'снимок.jpg',
  laterality: 'unknown',
  traceCount: 0,
  visit: null,
  findings: [],
};

test('cards come back as they were, also where an image has gone meanwhile', () => {
  const packed = packGrid({ total: 90_000, first: 8192, rows: [card, null, bare] });
  const rows = new GridRows(packed.buffer);
  expect([rows.total, rows.first, rows.length]).toEqual([90_000, 8192, 3]);
  expect([rows.at(0), rows.at(1), rows.at(2), rows.at(3)]).toEqual([card, undefined, bare, undefined]);
  expect(rows.at(0)).toBe(rows.at(0));
  expect([rows.idAt(0), rows.idAt(1), rows.idAt(9)]).toEqual([7, 0, 0]);
});

test('bytes that are something else, or not whole, are refused', () => {
  const packed = packGrid({ total: 1, first: 0, rows: [card] });
  expect(() => new GridRows(packed.slice(0, -1).buffer)).toThrow(RangeError);
  expect(() => new GridRows(new ArrayBuffer(64))).toThrow(RangeError);
});
