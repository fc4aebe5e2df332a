import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** Edges in pixels that Linux and Windows are given. */
const sizes = [16, 24, 32, 48, 64, 128, 256, 512, 1024];
const windowsSizes = [16, 24, 32, 48, 64, 128, 256];
/** The types of an .icns by their edge in pixels; those that stand for a doubled density have a size twice. */
const macTypes = [
  ['icp4', 16],
  ['icp5', 32],
  ['icp6', 64],
  ['ic07', 128],
  ['ic08', 256],
  ['ic09', 512],
  ['ic10', 1024],
  ['ic11', 32],
  ['ic12', 64],
  ['ic13', 256],
  ['ic14', 512],
] as const;

/** Draws the app's icons from its one drawing: `png/NxN.png`, `icon.ico` and `icon.icns` in `out/icons`. */
export async function drawIcons(folder = join(root, 'out', 'icons')): Promise<void> {
  const drawing = readFileSync(join(root, 'renderer', 'public', 'icon.svg'));
  const pictures = new Map<number, Buffer>();
  for (const size of sizes) {
    const density = (72 * size) / 32;
    pictures.set(size, await sharp(drawing, { density }).resize(size, size).png().toBuffer());
  }
  mkdirSync(join(folder, 'png'), { recursive: true });
  for (const [size, png] of pictures) writeFileSync(join(folder, 'png', `${size}x${size}.png`), png);
  writeFileSync(join(folder, 'icon.ico'), writeIco(windowsSizes.map((size) => [size, pictures.get(size)!])));
  writeFileSync(
    join(folder, 'icon.icns'),
    writeIcns(macTypes.map(([type, size]) => [type, pictures.get(size)!])),
  );
}

/** @param pictures edge in pixels and PNG of each */
function writeIco(pictures: readonly (readonly [number, Buffer])[]): Buffer {
  const head = Buffer.alloc(6 + 16 * pictures.length);
  head.writeUInt16LE(1, 2);
  head.writeUInt16LE(pictures.length, 4);
  let offset = head.length;
  pictures.forEach(([size, png], index) => {
    const at = 6 + 16 * index;
    // 0 stands for 256.
    head.writeUInt8(size % 256, at);
    head.writeUInt8(size % 256, at + 1);
    head.writeUInt16LE(1, at + 4);
    head.writeUInt16LE(32, at + 6);
    head.writeUInt32LE(png.length, at + 8);
    head.writeUInt32LE(offset, at + 12);
    offset += png.length;
  });
  return Buffer.concat([head, ...pictures.map(([, png]) => png)]);
}

/** @param pictures type and PNG of each */
function writeIcns(pictures: readonly (readonly [string, Buffer])[]): Buffer {
  const parts = pictures.map(([type, png]) => {
    const head = Buffer.alloc(8);
    head.write(type, 'latin1');
    head.writeUInt32BE(png.length + 8, 4);
    return Buffer.concat([head, png]);
  });
  const body = Buffer.concat(parts);
  const head = Buffer.alloc(8);
  head.write('icns', 'latin1');
  head.writeUInt32BE(body.length + 8, 4);
  return Buffer.concat([head, body]);
}
