import { expect, test } from 'vitest';
import { dateInFigures, readWrittenDate } from './written-date.ts';

test('a date is read with the day first, or as ISO, whatever stands between its parts', () => {
  const tenth = [
    '10.05.2023',
    '10/05/2023',
    '10-5-2023',
    '10052023',
    ' 10 05 2023 ',
    '2023-05-10',
    '20230510',
  ];
  expect(tenth.map(readWrittenDate)).toEqual(tenth.map(() => '2023-05-10'));
  expect(readWrittenDate(dateInFigures('2024-02-29', 'ru'))).toBe('2024-02-29');
  expect(readWrittenDate(dateInFigures('2024-02-29', 'en'))).toBe('2024-02-29');
});

test('what is no day of the calendar is not taken for one', () => {
  const none = ['', '29.02.2023', '31/04/2024', '05.2023', '10.05.23', '99999999', 'yesterday', '10.05.0001'];
  expect(none.map(readWrittenDate)).toEqual(none.map(() => null));
});
