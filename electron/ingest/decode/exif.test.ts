import fc from 'fast-check';
import sharp from 'sharp';
import { expect, it } from 'vitest';
import { readExif } from './exif.ts';

const nothing = { capturedAt: null, camera: null };

it('reads camera and moment as sharp writes them', async () => {
  const file = await sharp({ create: { width: 2, height: 2, channels: 3, background: 'red' } })
    .withExif({
      IFD0: { Make: 'Topcon', Model: 'TRC-NW400' },
      IFD2: { DateTimeOriginal: '2024:02:29 10:15:02' },
    })
    .jpeg()
    .toBuffer();
  const { exif } = await sharp(file).metadata();
  expect(readExif(exif)).toEqual({ capturedAt: '2024-02-29T10:15:02', camera: 'Topcon TRC-NW400' });
});

it('steps over entries that claim more bytes than there are', () => {
  const entries = 5000;
  const block = Buffer.alloc(10 + 12 * entries);
  block.write('II*\0', 'latin1');
  block.writeUInt32LE(8, 4);
  block.writeUInt16LE(entries, 8);
  for (let entry = 0; entry < entries; entry++) {
    const at = 10 + 12 * entry;
    block.writeUInt16LE(0x0110, at);
    block.writeUInt16LE(2, at + 2);
    block.writeUInt32LE(0xffffffff, at + 4);
  }
  expect(readExif(block)).toEqual(nothing);
});

it('says nothing of any other bytes, and does not throw', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
      const { capturedAt } = readExif(bytes);
      expect(capturedAt === null || !Number.isNaN(Date.parse(capturedAt))).toBe(true);
    }),
  );
  expect(readExif(undefined)).toEqual(nothing);
});
