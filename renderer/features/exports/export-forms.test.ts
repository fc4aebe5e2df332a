import { expect, test } from 'vitest';
import { deidentifyOf, identified } from './deidentify-choice.ts';
import { parseNumberList } from './number-list.ts';

test('layers and positions are written as a person writes them', () => {
  expect(parseNumberList('28', 28)).toEqual([28]);
  expect(parseNumberList('3, 26–28; 0 3', 28)).toEqual([0, 3, 26, 27, 28]);
  expect([parseNumberList('', 28), parseNumberList('29', 28), parseNumberList('5-2', 28)]).toEqual([
    null,
    null,
    null,
  ]);
  expect(parseNumberList('all', 28)).toBeNull();
});

test('photographs leave without names only after somebody has looked at them', () => {
  expect(deidentifyOf(identified, true)).toBeNull();
  const on = { ...identified, on: true };
  expect([deidentifyOf(on, true), deidentifyOf({ ...on, shiftDays: 0 }, false)]).toEqual([
    undefined,
    undefined,
  ]);
  expect(deidentifyOf({ ...on, confirmed: true }, true)).toEqual({
    confirmBurnedInText: true,
    codePrefix: 'P',
    shiftDays: 365,
  });
});
