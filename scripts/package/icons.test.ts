import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { expect, test } from 'vitest';
import { drawIcons } from './icons.ts';

test('each icon has its size, and every entry of the collections is the PNG that it says', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'fundus-lens-icons-'));
  try {
    await drawIcons(folder);
    for (const name of readdirSync(join(folder, 'png'))) {
      const { width, height } = await sharp(join(folder, 'png', name)).metadata();
      expect(`${width}x${height}.png`).toBe(name);
    }
    const ico = readFileSync(join(folder, 'icon.ico'));
    for (let index = 0; index < ico.readUInt16LE(4); index++) {
      const at = 6 + 16 * index;
      const start = ico.readUInt32LE(at + 12);
      const { width } = await sharp(ico.subarray(start, start + ico.readUInt32LE(at + 8))).metadata();
      expect(width).toBe(ico.readUInt8(at) || 256);
    }
    const icns = readFileSync(join(folder, 'icon.icns'));
    expect(icns.readUInt32BE(4)).toBe(icns.length);
    const edges: Record<string, number> = {};
    for (let at = 8; at < icns.length; at += icns.readUInt32BE(at + 4)) {
      const png = icns.subarray(at + 8, at + icns.readUInt32BE(at + 4));
      edges[icns.toString('latin1', at, at + 4)] = (await sharp(png).metadata()).width;
    }
    expect(edges).toMatchObject({ ic07: 128, ic08: 256, ic09: 512, ic10: 1024, ic13: 256, ic14: 512 });
  } finally {
    rmSync(folder, { recursive: true });
  }
});
