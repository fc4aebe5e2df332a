import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { defaultLimits, ImportFailure } from '../import-failure.ts';
import { parseDate, readAttributes, readLaterality, readName } from './attributes.ts';
import { decodeDicom } from './decode-dicom.ts';
import { parseDicom } from './dicom-file.ts';
import type { DicomDataset, DicomElement } from './element-reader.ts';
import { needsColourTransform } from './jpeg-colour.ts';
import { decodeRle } from './rle.ts';
import { decodeText, DicomValues, encodingOf } from './values.ts';

function values(elements: Readonly<Record<number, string | Uint8Array>>): DicomValues {
  const dataset: DicomDataset = new Map(
    Object.entries(elements).map(([tag, value]): [number, DicomElement] => {
      const bytes = typeof value === 'string' ? Buffer.from(value) : value;
      return [Number(tag), { vr: 'UN', bytes, items: null, fragments: null }];
    }),
  );
  return new DicomValues(dataset, true);
}

describe('attributes', () => {
  it('prefers Image Laterality, falls back to Laterality, and never guesses', () => {
    expect(readLaterality(values({ 0x00200062: 'R ', 0x00200060: 'L' }))).toEqual({
      laterality: 'R',
      source: 'image-laterality',
    });
    expect(readLaterality(values({ 0x00200060: 'L' }))).toEqual({ laterality: 'L', source: 'laterality' });
    expect(readLaterality(values({ 0x00200062: 'X', 0x00200060: 'L' })).laterality).toBe('unknown');
    expect(readLaterality(values({})).laterality).toBe('unknown');
  });

  it('reads a whole patient and visit', () => {
    const attributes = readAttributes(
      values({
        0x00080005: 'ISO_IR 144',
        0x00080020: '20240229',
        0x0008002a: '20240229101502.25',
        0x00080060: 'OP',
        0x00100010: Buffer.from([0xb8, 0xd2, 0xd0, 0xdd, 0xde, 0xd2, 0x5e, 0xbf]),
        0x00100020: ' K-1 ',
        0x00100030: '19500101',
        0x00100040: 'F ',
        0x0020000d: '1.2.3\0',
      }),
    );
    expect(attributes).toMatchObject({
      patient: { code: 'K-1', name: 'Иванов П', birthYear: 1950, sex: 'F' },
      visit: { key: '2024-02-29/', date: '2024-02-29', studyUid: '1.2.3' },
      modality: 'OP',
      capturedAt: '2024-02-29T10:15:02',
    });
  });

  it('makes one visit of two studies of a day, and keeps studies without a date apart', () => {
    const visitOf = (study: string, date?: string) =>
      readAttributes(values({ 0x0020000d: study, ...(date === undefined ? {} : { 0x00080020: date }) }))
        .visit;
    expect(visitOf('1.2.3', '20240229')?.key).toBe(visitOf('1.2.4', '20240229')?.key);
    expect(visitOf('1.2.3', '20240229')?.key).not.toBe(visitOf('1.2.3', '20240301')?.key);
    expect(visitOf('1.2.3')?.key).not.toBe(visitOf('1.2.4')?.key);
  });

  it('takes any bytes for any attribute without throwing', () => {
    const tags = [0x00080005, 0x00080020, 0x0008002a, 0x00100010, 0x00100020, 0x00100030, 0x00200062];
    const content = fc.dictionary(fc.constantFrom(...tags.map(String)), fc.uint8Array({ maxLength: 40 }));
    fc.assert(
      fc.property(content, (elements) => {
        const { capturedAt, laterality, patient } = readAttributes(values(elements));
        expect(capturedAt === null || /^\d{4}-\d\d-\d\d(T\d\d:\d\d:\d\d)?$/.test(capturedAt)).toBe(true);
        expect(['R', 'L', 'B', 'unknown']).toContain(laterality.laterality);
        expect(patient === null || patient.code !== '').toBe(true);
      }),
    );
  });

  it('keeps real days and refuses others', () => {
    fc.assert(
      fc.property(
        fc.date({ min: new Date('1900-01-01'), max: new Date('2100-01-01'), noInvalidDate: true }),
        (date) => {
          const day = date.toISOString().slice(0, 10);
          expect(parseDate(day.replaceAll('-', ''))).toBe(day);
        },
      ),
    );
    expect(parseDate('20230229')).toBeNull();
  });

  it('reads names and character sets', () => {
    expect(readName('Yamada^Tarou=山田^太郎')).toBe('Yamada Tarou');
    expect(readName('^^=')).toBeNull();
    expect(encodingOf('\\ISO 2022 IR 144')).toBe('iso-8859-5');
    expect(decodeText(Buffer.from('Ёж'), '')).toBe('Ёж');
    expect(decodeText(Buffer.from([0xe9]), '')).toBe('é');
  });
});

describe('parseDicom', () => {
  it('gives any bytes an answer or a reason', () => {
    const magic = Buffer.concat([Buffer.alloc(128), Buffer.from('DICM')]);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        try {
          parseDicom(Buffer.concat([magic, bytes]), defaultLimits);
        } catch (error) {
          expect(error).toBeInstanceOf(ImportFailure);
        }
      }),
      { numRuns: 500 },
    );
  });

  it('refuses a data set without a picture', async () => {
    const bytes = Buffer.concat([
      Buffer.alloc(128),
      Buffer.from('DICM'),
      Buffer.from('0800600043530200', 'hex'),
      Buffer.from('SR'),
    ]);
    await expect(decodeDicom(bytes, defaultLimits)).rejects.toMatchObject({ reason: 'dicom.no-pixels' });
  });
});

describe('RLE', () => {
  it('unpacks literal and repeated runs, most significant byte first', () => {
    const header = Buffer.alloc(64);
    header.writeUInt32LE(2, 0);
    header.writeUInt32LE(64, 4);
    header.writeUInt32LE(66, 8);
    const frame = Buffer.concat([header, Buffer.from([0xfe, 0x01]), Buffer.from([0x02, 10, 20, 30])]);
    expect([...new Uint16Array(decodeRle(frame, 3, 1, 2).buffer)]).toEqual([266, 276, 286]);
  });

  it('gives any bytes an answer or a reason', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        try {
          expect(decodeRle(bytes, 16, 1, 1)).toHaveLength(16);
        } catch (error) {
          expect(error).toMatchObject({ reason: 'dicom.codec' });
        }
      }),
    );
  });
});

describe('colour of a JPEG without a marker', () => {
  const frame = (factors: number[]) =>
    Buffer.from([0xff, 0xd8, 0xff, 0xc0, 0, 17, 8, 0, 1, 0, 1, 3, ...factors.flatMap((f, i) => [i, f, 0])]);

  it('is what the photometric interpretation says, unless it cannot be', () => {
    expect(needsColourTransform(frame([0x11, 0x11, 0x11]), 'RGB')).toBe(false);
    expect(needsColourTransform(frame([0x22, 0x11, 0x11]), 'RGB')).toBe(true);
    expect(needsColourTransform(frame([0x11, 0x11, 0x11]), 'YBR_FULL_422')).toBe(true);
  });
});

describe('files of several frames', () => {
  const grey = (frame: number) => Uint8Array.from([frame, 10 + frame, 20 + frame, 30 + frame]);

  /** Explicit little-endian elements of 2 × 2 grey pixels. */
  function fileOf(syntax: string, frames: number, pixels: Uint8Array): Buffer {
    const element = (tag: number, vr: string, value: Uint8Array) => {
      const isLong = vr === 'OB';
      const head = Buffer.alloc(isLong ? 12 : 8);
      head.writeUInt16LE(tag >>> 16, 0);
      head.writeUInt16LE(tag & 0xffff, 2);
      head.write(vr, 4, 'latin1');
      if (isLong) head.writeUInt32LE(syntax.endsWith('1.2.5') ? 0xffffffff : value.byteLength, 8);
      else head.writeUInt16LE(value.byteLength, 6);
      return Buffer.concat([head, value]);
    };
    const text = (value: string, pad = ' ') => Buffer.from(value.length % 2 === 0 ? value : value + pad);
    const short = (value: number) => Buffer.from([value & 255, value >> 8]);
    return Buffer.concat([
      Buffer.alloc(128),
      Buffer.from('DICM'),
      element(0x00020010, 'UI', text(syntax, '\0')),
      element(0x00280002, 'US', short(1)),
      element(0x00280004, 'CS', text('MONOCHROME2')),
      element(0x00280008, 'IS', text(String(frames))),
      element(0x00280010, 'US', short(2)),
      element(0x00280011, 'US', short(2)),
      element(0x00280100, 'US', short(8)),
      element(0x00280101, 'US', short(8)),
      element(0x00280102, 'US', short(7)),
      element(0x00280103, 'US', short(0)),
      element(0x7fe00010, 'OB', pixels),
    ]);
  }

  const item = (bytes: Uint8Array, tag = 0xe000) => {
    const head = Buffer.alloc(8);
    head.writeUInt16LE(0xfffe, 0);
    head.writeUInt16LE(tag, 2);
    head.writeUInt32LE(bytes.byteLength, 4);
    return Buffer.concat([head, bytes]);
  };
  /** One segment of literal bytes, padded to an even length. */
  const rle = (pixels: Uint8Array) => {
    const head = Buffer.alloc(64);
    head.writeUInt32LE(1, 0);
    head.writeUInt32LE(64, 4);
    return Buffer.concat([head, Buffer.from([pixels.length - 1]), pixels, Buffer.from([0])]);
  };

  it('gives each frame when pixels lie one after another', async () => {
    const file = fileOf('1.2.840.10008.1.2.1', 3, Buffer.concat([0, 1, 2].map(grey)));
    for (const index of [0, 1, 2]) {
      const { frame, format } = await decodeDicom(file, defaultLimits, index);
      expect(format.frames).toBe(3);
      expect([...frame.pixels]).toEqual([...grey(index)]);
    }
    await expect(decodeDicom(file, defaultLimits, 3)).rejects.toThrow('Frame 4 needs 16 bytes');
  });

  it.each(['a table of offsets', 'no table'])(
    'gives each frame of compressed pixels with %s',
    async (which) => {
      const frames = [0, 1, 2].map((index) => item(rle(grey(index))));
      const table = Buffer.alloc(which === 'no table' ? 0 : 12);
      if (table.length > 0) {
        frames.slice(0, 2).reduce((offset, frame, index) => {
          table.writeUInt32LE(offset + frame.length, 4 * (index + 1));
          return offset + frame.length;
        }, 0);
      }
      const pixels = Buffer.concat([item(table), ...frames, item(new Uint8Array(), 0xe0dd)]);
      const file = fileOf('1.2.840.10008.1.2.5', 3, pixels);
      for (const index of [0, 1, 2]) {
        expect([...(await decodeDicom(file, defaultLimits, index)).frame.pixels]).toEqual([...grey(index)]);
      }
      await expect(decodeDicom(file, defaultLimits, 3)).rejects.toThrow('frame 4');
    },
  );
});
