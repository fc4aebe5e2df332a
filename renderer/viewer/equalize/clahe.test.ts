import path from 'node:path';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { expect, test } from 'vitest';
import { equalize } from './clahe.ts';
import { equalizePixels, lumaOf } from './equalize-pixels.ts';

const fixtures = fileURLToPath(new URL('../../../data/fixtures', import.meta.url));

async function read(file: string, channels: 1 | 4) {
  const opened = sharp(path.join(fixtures, file));
  const { data, info } = await (channels === 1 ? opened.toColourspace('b-w') : opened.ensureAlpha())
    .raw()
    .toBuffer({ resolveWithObject: true });
  expect(info.channels).toBe(channels);
  return { data: Uint8Array.from(data), width: info.width, height: info.height };
}

function luma({ data, width, height }: { data: Uint8Array; width: number; height: number }) {
  const plane = new Uint8Array(width * height).map((_, pixel) => lumaOf(data, pixel * 4));
  return { data: plane, width, height };
}

test.each([
  ['photo-301x257', 8, 2],
  ['landscape-224x112', 8, 2],
  ['landscape-224x112', 4, 4],
])('%s, %i tiles a side, limit %d: the levels of OpenCV, to one of 256', async (name, grid, clip) => {
  const plane = luma(await read(`images/${name}.png`, 4));
  const expected = await read(`clahe/${name}-${grid}-${clip}.png`, 1);
  const got = equalize(plane, grid, clip);
  const off = got.map((level, pixel) => Math.abs(level - expected.data[pixel]!));
  expect(off.length).toBe(expected.data.length);
  // OpenCV blends in float32, so a level next to a half may fall on the other side.
  expect(Math.max(...off)).toBeLessThanOrEqual(1);
  expect(off.filter((each) => each > 0).length / off.length).toBeLessThan(0.006);
  expect(got).not.toEqual(plane.data);
});

test('colours keep their differences; one channel is spread alone', async () => {
  const photo = await read('images/photo-301x257.png', 4);
  const pixels = { ...photo, data: Uint8ClampedArray.from(photo.data) };
  equalizePixels(pixels, 'all');
  const middle = 4 * (128 * 301 + 150);
  const isInside = (pixel: number) => [0, 1, 2].every((part) => pixels.data[pixel + part]! % 255 > 0);
  const between = (data: ArrayLike<number>, pixel: number) => data[pixel]! - data[pixel + 1]!;
  const compared = Array.from({ length: 301 * 257 }, (_, pixel) => pixel * 4).filter(isInside);
  expect(compared.length).toBeGreaterThan(10_000);
  expect(compared.filter((pixel) => between(pixels.data, pixel) !== between(photo.data, pixel))).toEqual([]);
  expect(pixels.data).not.toEqual(photo.data);
  const green = { ...photo, data: Uint8ClampedArray.from(photo.data) };
  equalizePixels(green, 'green');
  expect(green.data[middle]).toBe(photo.data[middle]);
  expect(green.data[middle + 1]).not.toBe(photo.data[middle + 1]);
});
