import { expect, test } from 'vitest';
import type { PatientRecord, RecordedImage } from '../../../electron/contract/images/patients.ts';
import { ageAt, pairOf, seriesOf, sideBySide, visitRows } from './patient-visits.ts';

const image = (id: number, visitId: number | null, laterality: RecordedImage['image']['laterality']) =>
  ({
    image: { id, visitId, laterality },
    findings: [],
    protocols: [],
    traces: [],
  }) as unknown as RecordedImage;
const visits = [1, 2].map((id) => ({ id, date: `202${id}-01-01` })) as unknown as PatientRecord['visits'];

test('a visit is a line with both eyes; what belongs to none comes last', () => {
  const rows = visitRows({
    visits,
    images: [
      image(1, 1, 'R'),
      image(2, 1, 'L'),
      image(3, 1, 'R'),
      image(4, null, 'unknown'),
      image(5, 2, 'L'),
    ],
  });
  expect(rows.map(({ visit }) => visit?.id ?? null)).toEqual([1, 2, null]);
  expect(rows.map(pairOf)).toEqual([[3, 2], [5], [4]]);
  expect(seriesOf(rows, 'left')).toEqual([2, 5]);
  expect(seriesOf(rows, 'right')).toEqual([3]);
  expect(sideBySide([2, 5, 7])).toBe('/images/2?with=5,7');
  expect(sideBySide([2])).toBe('/images/2');
  expect(sideBySide([])).toBeNull();
  expect(visitRows({ visits, images: [] })).toHaveLength(2);
});

test('an age is told only where it can be', () => {
  expect(ageAt({ birthYear: 1950 }, '2024-02-29')).toBe(74);
  expect(ageAt({ birthYear: 1950 }, null)).toBeNull();
  expect(ageAt({ birthYear: null }, '2024-02-29')).toBeNull();
});
