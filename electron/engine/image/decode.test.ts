import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crc32, deflateSync } from 'node:zlib';
import sharp from 'sharp';
import { afterAll, describe, expect, test } from 'vitest';
import { decodeImage } from './decode.ts';

const folder = mkdtempSync(join(tmpdir(), 'снимки глазного дна '));
afterAll(() => rmSync(folder, { recursive: true }));

function save(name: string, bytes: Uint8Array | string): string {
  const path = join(folder, name);
  writeFileSync(path, bytes);
  return path;
}

/** 4 × 2 pixels: red, green, blue, white above four greys. */
const pixels = Buffer.from(
  [
    [255, 0, 0, 0, 255, 0, 0, 0, 255, 255, 255, 255],
    [0, 0, 0, 60, 60, 60, 120, 120, 120, 200, 200, 200],
  ].flat(),
);
const picture = () => sharp(pixels, { raw: { width: 4, height: 2, channels: 3 } });

function pngHeader(width: number, height: number, withPixels: boolean): Buffer {
  const chunk = (type: string, data: Uint8Array) => {
    const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
    const frame = Buffer.alloc(8);
    frame.writeUInt32BE(data.length, 0);
    frame.writeUInt32BE(crc32(body), 4);
    return Buffer.concat([frame.subarray(0, 4), body, frame.subarray(4)]);
  };
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 2, 0, 0, 0], 8);
  const rest = [chunk('IDAT', deflateSync(Buffer.alloc(100))), chunk('IEND', Buffer.alloc(0))];
  const signature = Buffer.from('\x89PNG\r\n\x1a\n', 'latin1');
  return Buffer.concat([signature, chunk('IHDR', header), ...(withPixels ? rest : [])]);
}

describe('what a person sees', () => {
  test('pixels, size and the hash of the file', async () => {
    const path = save('снимок 1.png', await picture().png().toBuffer());
    const image = await decodeImage(path);
    expect([image.width, image.height]).toEqual([4, 2]);
    expect([...image.rgb]).toEqual([...pixels]);
    expect(image.sha256).toBe(createHash('sha256').update(readFileSync(path)).digest('hex'));
  });

  test('EXIF orientation 6 is turned upright', async () => {
    const path = save('turned.png', await picture().withMetadata({ orientation: 6 }).png().toBuffer());
    const image = await decodeImage(path);
    expect([image.width, image.height]).toEqual([2, 4]);
    expect([...image.rgb.subarray(0, 6)]).toEqual([0, 0, 0, 255, 0, 0]);
  });

  test('transparency is laid on black', async () => {
    const path = save('clear.png', await picture().ensureAlpha(0.6).png().toBuffer());
    const { rgb } = await decodeImage(path);
    for (const [index, value] of rgb.entries()) {
      expect(Math.abs(value - pixels[index]! * 0.6)).toBeLessThanOrEqual(1);
    }
  });

  test('16 bits lose their low byte', async () => {
    const deep = Uint16Array.from([0, 255, 256, 0x7fff, 0x80ff, 0xfeff, 0xff00, 0xffff, 513]);
    const raw = { width: 3, height: 1, channels: 3 } as const;
    const path = save('deep.png', await sharp(deep, { raw }).toColourspace('rgb16').png().toBuffer());
    expect((await sharp(path).metadata()).depth).toBe('ushort');
    expect([...(await decodeImage(path)).rgb]).toEqual([0, 0, 1, 0x7f, 0x80, 0xfe, 0xff, 0xff, 2]);
  });

  test('16-bit grey and 8-bit grey become RGB', async () => {
    const raw = { width: 3, height: 1, channels: 1 } as const;
    const deep = await sharp(Uint16Array.from([0, 0x80ff, 0xffff]), { raw })
      .toColourspace('grey16')
      .png()
      .toBuffer();
    expect([...(await decodeImage(save('g16.png', deep))).rgb]).toEqual([
      0, 0, 0, 128, 128, 128, 255, 255, 255,
    ]);
    const grey = await sharp(Uint8Array.from([0, 77, 255]), { raw })
      .toColourspace('b-w')
      .png()
      .toBuffer();
    expect([...(await decodeImage(save('g8.png', grey))).rgb]).toEqual([0, 0, 0, 77, 77, 77, 255, 255, 255]);
  });

  test('CMYK becomes RGB', async () => {
    const path = save('print.jpg', await picture().toColourspace('cmyk').jpeg({ quality: 100 }).toBuffer());
    expect((await sharp(path).metadata()).channels).toBe(4);
    const image = await decodeImage(path);
    expect([image.width, image.height, image.rgb.length]).toEqual([4, 2, 24]);
    expect(image.rgb[9]).toBeGreaterThan(200);
  });

  test('an embedded sRGB profile changes nothing, a wide one is converted', async () => {
    const plain = save('srgb.png', await picture().withIccProfile('srgb').png().toBuffer());
    expect((await sharp(plain).metadata()).hasProfile).toBe(true);
    expect([...(await decodeImage(plain)).rgb]).toEqual([...pixels]);
    const raw = { width: 1, height: 1, channels: 3 } as const;
    const orange = sharp(Uint8Array.from([200, 100, 50]), { raw });
    const wide = save('p3.png', await orange.withIccProfile('p3').png().toBuffer());
    const stored = await sharp(wide, { ignoreIcc: true }).raw().toBuffer();
    expect([...stored]).not.toEqual([200, 100, 50]);
    const { rgb } = await decodeImage(wide);
    for (const [index, value] of [200, 100, 50].entries()) {
      expect(Math.abs(rgb[index]! - value)).toBeLessThanOrEqual(1);
    }
  });
});

describe('bad files', () => {
  test('no file, a folder, an empty file, a text, a drawing', async () => {
    const svg =
      '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><rect width="5" height="5"/></svg>';
    for (const path of [
      join(folder, 'нет такого файла.png'),
      folder,
      save('empty.png', ''),
      save('letter.jpg', 'Уважаемые коллеги! Это не снимок.'),
      save('drawing.png', svg),
    ]) {
      await expect(decodeImage(path)).rejects.toMatchObject({
        code: 'image.unreadable',
        found: expect.stringContaining(path) as string,
      });
    }
  });

  test('files of each format without their end', async () => {
    const noise = sharp({
      create: {
        width: 64,
        height: 64,
        channels: 3,
        noise: { type: 'gaussian', mean: 128, sigma: 40 },
        background: '#000',
      },
    });
    for (const format of ['jpeg', 'png', 'tiff', 'webp'] as const) {
      const whole = await noise.clone().toFormat(format, { quality: 95 }).toBuffer();
      const path = save(`cut.${format}`, whole.subarray(0, Math.floor(whole.length * 0.6)));
      await expect(decodeImage(path), format).rejects.toMatchObject({ code: 'image.truncated' });
    }
    for (const progressive of [false, true]) {
      const jpeg = await noise.clone().jpeg({ progressive }).toBuffer();
      await expect(decodeImage(save('end.jpg', jpeg.subarray(0, -2)))).rejects.toMatchObject({
        code: 'image.truncated',
      });
      const withTrailer = Buffer.concat([jpeg, Buffer.from('maker data after the picture')]);
      await expect(decodeImage(save('trailer.jpg', withTrailer))).resolves.toMatchObject({ width: 64 });
    }
    const jpeg = await noise.clone().jpeg().toBuffer();
    await expect(decodeImage(save('start.jpg', jpeg.subarray(0, 200)))).rejects.toMatchObject({
      code: 'image.truncated',
    });
  });

  test.each([true, false])(
    'a header that announces 60,000 × 60,000 pixels (pixel data: %s)',
    async (withPixels) => {
      const path = save('huge.png', pngHeader(60_000, 60_000, withPixels));
      const before = process.memoryUsage().rss;
      await expect(decodeImage(path)).rejects.toMatchObject({ code: 'image.too-large' });
      expect(process.memoryUsage().rss - before).toBeLessThan(100 * 2 ** 20);
    },
  );

  test('floating-point pixels are refused and not shown black', async () => {
    const path = save(
      'float.tif',
      await picture().toColourspace('scrgb').tiff({ compression: 'none' }).toBuffer(),
    );
    expect((await sharp(path).metadata()).depth).toBe('float');
    await expect(decodeImage(path)).rejects.toMatchObject({ code: 'image.unreadable' });
  });
});
