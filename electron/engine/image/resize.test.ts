import fc from 'fast-check';
import { expect, test } from 'vitest';
import { resizeBicubic } from './resize.ts';
import type { RgbImage } from './resize.ts';

const size = fc.integer({ min: 1, max: 40 });
const image: fc.Arbitrary<RgbImage> = fc
  .tuple(size, size)
  .chain(([width, height]) =>
    fc
      .uint8Array({ minLength: width * height * 3, maxLength: width * height * 3 })
      .map((rgb) => ({ width, height, rgb })),
  );

test('a size that is already right leaves every pixel alone', () => {
  fc.assert(
    fc.property(image, (picture) => {
      expect(resizeBicubic(picture, picture.width, picture.height).rgb).toEqual(picture.rgb);
    }),
  );
});

test('one colour stays that colour at any size', () => {
  const byte = fc.integer({ min: 0, max: 255 });
  fc.assert(
    fc.property(size, size, size, size, byte, (width, height, newWidth, newHeight, value) => {
      const rgb = new Uint8Array(width * height * 3).fill(value);
      const resized = resizeBicubic({ width, height, rgb }, newWidth, newHeight);
      expect(resized.rgb).toEqual(new Uint8Array(newWidth * newHeight * 3).fill(value));
    }),
  );
});

test('the channels do not mix', () => {
  fc.assert(
    fc.property(image, size, size, (picture, width, height) => {
      const onlyGreen = picture.rgb.map((value, index) => (index % 3 === 1 ? value : 0));
      const both = resizeBicubic(picture, width, height).rgb;
      const alone = resizeBicubic({ ...picture, rgb: onlyGreen }, width, height).rgb;
      expect(alone).toEqual(both.map((value, index) => (index % 3 === 1 ? value : 0)));
    }),
  );
});

test("a step keeps Pillow's overshoot and its clipping", () => {
  // Image.fromarray(row).resize((9, 1), BICUBIC) of Pillow 13 for the row 0 0 200 200 100
  const row = Uint8Array.from([0, 0, 200, 200, 100].flatMap((value) => [value, value, value]));
  const { rgb } = resizeBicubic({ width: 5, height: 1, rgb: row }, 9, 1);
  expect([...rgb].filter((_, index) => index % 3 === 0)).toEqual([0, 0, 0, 86, 200, 218, 192, 128, 92]);
});

/** Made with Pillow 13: [width, height] to [width, height] of the picture below, one channel. */
const pillow = [
  {
    sizes: [6, 9, 7, 4],
    values: [
      ...[40, 101, 126, 109, 87, 106, 166, 181, 108, 73, 85, 120, 153, 172],
      ...[118, 86, 128, 132, 114, 119, 86, 186, 106, 90, 101, 106, 109, 116],
    ],
  },
  {
    sizes: [9, 6, 4, 7],
    values: [
      ...[76, 114, 161, 83, 107, 105, 87, 146, 87, 101, 110, 176, 87, 95],
      ...[159, 164, 145, 95, 171, 129, 172, 124, 138, 126, 54, 175, 83, 203],
    ],
  },
  {
    sizes: [8, 8, 5, 5],
    values: [
      ...[65, 132, 92, 138, 108, 94, 84, 109, 128, 124, 184, 79, 136],
      ...[187, 75, 73, 127, 118, 78, 169, 144, 132, 115, 134, 210],
    ],
  },
] as const;

test.each(pillow)('$sizes as Pillow, whichever direction comes first', ({ sizes, values }) => {
  const [width, height, newWidth, newHeight] = sizes;
  const rgb = Uint8Array.from({ length: width * height * 3 }, (_, index) => {
    const pixel = Math.floor(index / 3);
    const x = pixel % width;
    const y = Math.floor(pixel / width);
    return (x * 97 + y * 61 + x * y * 23) % 256;
  });
  const resized = resizeBicubic({ width, height, rgb }, newWidth, newHeight);
  expect([...resized.rgb].filter((_, index) => index % 3 === 0)).toEqual(values);
});

test('pixels that do not fill the size are refused', () => {
  expect(() => resizeBicubic({ width: 2, height: 2, rgb: new Uint8Array(5) }, 1, 1)).toThrow(RangeError);
});
