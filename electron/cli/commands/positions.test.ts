import { expect, test } from 'vitest';
import { parsePositions } from './positions.ts';

test.each([
  ['last', 'last'],
  ['image', 'image'],
  ['all', 'all'],
  ['7', [7]],
  ['0,5,10-13', [0, 5, 10, 11, 12, 13]],
  ['10-12, 11, 3', [3, 10, 11, 12]],
] as const)('%s', (text, expected) => {
  expect(parsePositions(text)).toEqual(expected);
});

test.each(['', 'first', '1-', '-1', '3-1', '1.5', '1,,2', '0-99999999'])('"%s" is refused', (text) => {
  expect(() => parsePositions(text)).toThrow(
    expect.objectContaining({ code: 'trace.positions', found: text }),
  );
});
