import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { roundHalfToEven, smartResize } from './smart-resize.ts';

/** [width, height, minPixels, maxPixels] → [width, height] as transformers 5.23 gives them. */
const reference: readonly [number, number, number, number, number, number][] = [
  [1411, 1411, 3136, 12845056, 1400, 1400],
  [1411, 1411, 3136, 1003520, 980, 980],
  [1026, 684, 3136, 12845056, 1036, 672],
  [42, 70, 3136, 12845056, 56, 56],
  [70, 42, 784, 12845056, 56, 56],
  [14, 14, 3136, 12845056, 56, 56],
  [98, 126, 3136, 12845056, 112, 112],
  [4288, 2848, 3136, 12845056, 4284, 2856],
  [4288, 2848, 200704, 1003520, 1204, 812],
  [5600, 28, 3136, 12845056, 5600, 28],
  [28, 5600, 3136, 12845056, 28, 5600],
  [1, 200, 3136, 12845056, 28, 812],
  [200, 1, 3136, 12845056, 812, 28],
  [6000, 4000, 3136, 94080, 364, 224],
  [45, 38, 3136, 31360, 84, 56],
  [301, 257, 3136, 31360, 168, 140],
  [97, 203, 3136, 94080, 84, 196],
  [1101, 4663, 3136, 1003520, 476, 2044],
  [3997, 233, 200704, 1003520, 4004, 224],
  [5701, 3649, 200704, 12845056, 4452, 2856],
  [4436, 76, 200704, 12845056, 4424, 84],
  [1793, 3766, 200704, 94080, 196, 420],
  [5492, 1556, 200704, 1003520, 1876, 532],
  [283, 3935, 3136, 12845056, 280, 3948],
  [243, 3845, 3136, 1003520, 252, 3836],
];

describe('smartResize', () => {
  test.each(reference)('%i × %i within %i…%i gives %i × %i', (width, height, minPixels, maxPixels, w, h) => {
    expect(smartResize(width, height, { factor: 28, minPixels, maxPixels })).toEqual([w, h]);
  });

  test('an aspect ratio above 200 is refused, 200 is not', () => {
    const options = { factor: 28, minPixels: 3136, maxPixels: 12845056 };
    expect(() => smartResize(201, 1, options)).toThrow(
      expect.objectContaining({ code: 'image.aspect-ratio' }),
    );
    expect(smartResize(200, 1, options)).toEqual([812, 28]);
  });

  test('sides are multiples of the factor and the area stays in bounds', () => {
    const side = fc.integer({ min: 1, max: 5000 });
    fc.assert(
      fc.property(side, side, fc.constantFrom(14, 28, 56), (width, height, factor) => {
        fc.pre(Math.max(width, height) / Math.min(width, height) <= 20);
        const minPixels = 4 * factor * factor;
        const maxPixels = 1280 * factor * factor;
        const [w, h] = smartResize(width, height, { factor, minPixels, maxPixels });
        expect(w % factor).toBe(0);
        expect(h % factor).toBe(0);
        expect(w * h).toBeGreaterThanOrEqual(minPixels);
        expect(w * h).toBeLessThanOrEqual(maxPixels);
        expect(smartResize(height, width, { factor, minPixels, maxPixels })).toEqual([h, w]);
      }),
    );
  });
});

test('halves are rounded to even, as Python does', () => {
  expect([0.5, 1.5, 2.5, 3.5, 2.4999, 2.5001].map(roundHalfToEven)).toEqual([0, 2, 2, 4, 2, 3]);
});
