import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import sharp from 'sharp';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { opticPhotograph, writeDicom } from '../../bench/fixtures/dicom-writer.ts';
import { writeZip } from '../../bench/fixtures/zip-writer.ts';
import { decodeBmp } from './decode/bmp.ts';
import { decodeImage } from './decode/decode-image.ts';
import { decodeDicom } from './dicom/decode-dicom.ts';
import { defaultLimits } from './import-failure.ts';
import { readStableFile } from './sources/read-stable-file.ts';
import { sniffFormat } from './decode/sniff-format.ts';
import type { SourceItem } from './sources/source-item.ts';
import { walkSources } from './sources/walk-sources.ts';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'защита '));
});

afterEach(() => {
  rmSync(folder, { recursive: true });
});

async function walk(sources: string[], limits = defaultLimits): Promise<SourceItem[]> {
  const items: SourceItem[] = [];
  for await (const item of walkSources(sources, limits)) items.push(item);
  return items;
}

const describeItem = (item: SourceItem) =>
  item.kind === 'file' ? [...item.folders, item.name].join('/') : item.miss.reason;

describe('readStableFile', () => {
  it('notices a file that grows or is rewritten while it is read', async () => {
    const file = path.join(folder, 'a');
    writeFileSync(file, 'one');
    const grow = () => {
      appendFileSync(file, 'more');
      return Promise.resolve();
    };
    await expect(readStableFile(file, 100, grow)).rejects.toMatchObject({ reason: 'file.changed' });
    const touch = () => {
      utimesSync(file, 1, 1);
      return Promise.resolve();
    };
    await expect(readStableFile(file, 100, touch)).rejects.toMatchObject({ reason: 'file.changed' });
    expect((await readStableFile(file, 100)).toString()).toBe('onemore');
  });

  it('has a reason for what is no ordinary file', async () => {
    await expect(readStableFile(path.join(folder, 'no'), 9)).rejects.toMatchObject({
      reason: 'file.missing',
    });
    await expect(readStableFile(folder, 9)).rejects.toMatchObject({ reason: 'file.special' });
    await expect(readStableFile('/dev/zero', 9)).rejects.toMatchObject({ reason: 'file.special' });
    symlinkSync('/etc/hostname', path.join(folder, 'link'));
    await expect(readStableFile(path.join(folder, 'link'), 9)).rejects.toMatchObject({
      reason: 'link.skipped',
    });
  });
});

describe('walkSources', () => {
  it('reads Cyrillic names of old zip files, and keeps the folders around and inside', async () => {
    mkdirSync(path.join(folder, 'Пациент'));
    // "Снимок" in code page 866.
    const name = Buffer.concat([Buffer.from([0x91, 0xad, 0xa8, 0xac, 0xae, 0xaa]), Buffer.from('/a.png')]);
    writeFileSync(path.join(folder, 'Пациент', 'x.zip'), writeZip([{ name, data: Buffer.from('data') }]));
    expect((await walk([folder])).map(describeItem)).toEqual(['Пациент/Снимок/a.png']);
  });

  it('stops at the limits of an archive', async () => {
    const file = path.join(folder, 'many.zip');
    writeFileSync(
      file,
      writeZip(Array.from({ length: 5 }, (_, i) => ({ name: `${i}`, data: Buffer.alloc(100) }))),
    );
    const of = async (change: object) =>
      (await walk([file], { ...defaultLimits, ...change })).map(describeItem);
    expect(await of({ archiveEntries: 4 })).toEqual(['archive.entry-count']);
    expect(await of({ archiveBytes: 250 })).toEqual(['0', '1', 'archive.total-size']);
    expect(await of({ fileBytes: 99 })).toEqual(Array(5).fill('archive.entry-too-large'));
  });

  it('does not unpack an archive whose entries share their bytes', async () => {
    const file = path.join(folder, 'overlapping.zip');
    const one = { name: 'a.bin', data: Buffer.alloc(1000, 1) };
    const honest = writeZip([one, { name: 'b.bin', data: Buffer.alloc(1000, 2) }]);
    writeFileSync(file, honest);
    expect((await walk([file])).map(describeItem)).toEqual(['a.bin', 'b.bin']);
    // The second entry of the list is made to point at the bytes of the first.
    const second = honest.lastIndexOf('PK\x01\x02', undefined, 'latin1');
    const overlapping = Buffer.from(honest);
    overlapping.writeUInt32LE(0, second + 42);
    writeFileSync(file, overlapping);
    expect((await walk([file])).map(describeItem)).toEqual(['archive.damaged']);
  });

  it('takes names of 255 bytes, mentions names that differ in case, and skips what systems and people leave', async () => {
    const long = `${'ж'.repeat(125)}.jpg`;
    for (const name of [long, 'Eye.jpg', 'eye.jpg', 'Thumbs.db', '._eye.jpg', 'SOURCES.md']) {
      writeFileSync(path.join(folder, name), name);
    }
    expect((await walk([folder])).map(describeItem)).toEqual([
      ...[
        'system-file.skipped',
        'Eye.jpg',
        'document.skipped',
        'system-file.skipped',
        'remark.name-differs-in-case',
        'eye.jpg',
        long,
      ],
    ]);
  });

  it('lists a source that is not there, and follows a link that a person chose', async () => {
    expect((await walk([path.join(folder, 'gone')])).map(describeItem)).toEqual(['file.missing']);
    mkdirSync(path.join(folder, 'real'));
    writeFileSync(path.join(folder, 'real', 'a'), 'a');
    symlinkSync(path.join(folder, 'real'), path.join(folder, 'chosen'));
    expect((await walk([path.join(folder, 'chosen')])).map(describeItem)).toEqual(['a']);
  });
});

describe('decoding', () => {
  it('shows 16-bit pictures as bright as they are', async () => {
    const raw = { width: 8, height: 8, channels: 3 } as const;
    const bytes = await sharp(
      Uint16Array.from({ length: 192 }, () => 0x8080),
      { raw },
    )
      .toColourspace('rgb16')
      .png()
      .toBuffer();
    const { bitDepth, views } = await decodeImage(bytes, 'png', defaultLimits);
    const { channels } = await sharp(views.small).stats();
    expect(bitDepth).toBe(16);
    for (const { mean } of channels.slice(0, 3)) expect(Math.abs(mean - 0x80)).toBeLessThanOrEqual(2);
  });

  it('turns pictures upright and says that a TIFF has more pages', async () => {
    const jpeg = await sharp({ create: { width: 8, height: 4, channels: 3, background: 'red' } })
      .jpeg()
      .withMetadata({ orientation: 6 })
      .toBuffer();
    expect(await decodeImage(jpeg, 'jpeg', defaultLimits)).toMatchObject({ width: 4, height: 8 });
    const pages = await sharp(Buffer.alloc(8 * 8 * 3), {
      raw: { width: 8, height: 8, channels: 3, pageHeight: 4 },
    })
      .tiff()
      .toBuffer();
    const tiff = await decodeImage(pages, 'tiff', defaultLimits);
    expect(tiff).toMatchObject({ width: 8, height: 4, frames: 2 });
    expect(tiff.remarks).toEqual(['remark.first-of-many: first of 2 pages']);
  });

  it('shows colours and greys of DICOM as they were written', async () => {
    const pixels = Uint8Array.of(255, 0, 0, 0, 255, 0);
    const rgb = await decodeDicom(
      writeDicom(opticPhotograph({ width: 2, height: 1, pixels })),
      defaultLimits,
    );
    expect([...rgb.frame.pixels]).toEqual([...pixels]);
    const planes = opticPhotograph({
      ...{ width: 2, height: 1, pixels: Uint8Array.of(255, 0, 0, 255, 0, 0) },
      extra: [[0x00280006, 'US', [1]]],
    });
    expect([...(await decodeDicom(writeDicom(planes), defaultLimits)).frame.pixels]).toEqual([...pixels]);
    const grey = opticPhotograph({
      width: 2,
      height: 1,
      pixels: Uint8Array.of(0, 200),
      photometric: 'MONOCHROME1',
    });
    expect([...(await decodeDicom(writeDicom(grey), defaultLimits)).frame.pixels]).toEqual([255, 55]);
  });

  it('tells formats by their bytes', () => {
    const hex = (text: string) => sniffFormat(Buffer.from(text.padEnd(64, '0'), 'hex'));
    expect(hex('ffd8ffe0')).toEqual({ kind: 'image', format: 'jpeg' });
    expect(hex('4d4d002a')).toEqual({ kind: 'image', format: 'tiff' });
    expect(hex('504b0304')).toEqual({ kind: 'zip' });
    expect(sniffFormat(Buffer.from('<svg xmlns="x">'))).toEqual({ kind: 'other', name: 'SVG drawing' });
    expect(() => decodeBmp(Buffer.from('BM'), 100)).toThrow(/not supported/);
  });
});
