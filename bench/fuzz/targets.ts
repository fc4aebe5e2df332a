import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import sharp from 'sharp';
import { loadConceptSet } from '../../electron/bundled/concept-sets.ts';
import { FundusLensError } from '../../electron/contract/errors.ts';
import { decodeDecoder } from '../../electron/decoder/file/decoder-file.ts';
import { DecoderError } from '../../electron/decoder/request/errors.ts';
import { readChatTemplate } from '../../electron/engine/checkpoint/chat-template.ts';
import { openCheckpoint } from '../../electron/engine/checkpoint/open-checkpoint.ts';
import { readTokenizer } from '../../electron/engine/checkpoint/tokenizer.ts';
import { decodeImageFile } from '../../electron/engine/image/decode.ts';
import { preprocessImage } from '../../electron/engine/image/preprocess.ts';
import { outlineCheckpoint } from '../../electron/engine/inspect/inspect-checkpoint.ts';
import { readSafetensorsHeader } from '../../electron/engine/weights/safetensors.ts';
import { decodeImage } from '../../electron/ingest/decode/decode-image.ts';
import { sniffFormat } from '../../electron/ingest/decode/sniff-format.ts';
import { decodeDicom } from '../../electron/ingest/dicom/decode-dicom.ts';
import { defaultLimits, ImportFailure } from '../../electron/ingest/import-failure.ts';
import { decodeManifest, ManifestIndex, parseManifest } from '../../electron/ingest/manifest/manifest.ts';
import { readZip } from '../../electron/ingest/sources/zip-source.ts';
import { parseProtocolText } from '../../electron/protocol/parse.ts';
import { ProtocolError } from '../../electron/protocol/protocol-error.ts';
import { createProtocol, readProtocol } from '../../electron/protocol/protocol.ts';
import { realiseProtocol } from '../../electron/protocol/realise.ts';
import { readProtocolSchema } from '../../electron/protocol/schema.ts';
import { restoreBackup } from '../../electron/store/library/backups.ts';
import { openLibrary } from '../../electron/store/library/library.ts';
import { addRecords, makeRecord } from '../../electron/store/testing.ts';
import { opticPhotograph, writeDicom } from '../fixtures/dicom-writer.ts';
import { writeZip } from '../fixtures/zip-writer.ts';
import { mutateBytes, mutateJson, mutateText, type Random } from './mutate.ts';

/** A reader of files that come from outside, and honest files to begin with. */
export interface FuzzTarget {
  readonly name: string;
  readonly seeds: (scratch: string) => Promise<readonly Buffer[]>;
  readonly mutate: (bytes: Buffer, other: Buffer, random: Random) => Buffer;
  /**
   * Reads the file as the software does, and uses what was read.
   *
   * @param scratch folder of the target alone, which is kept from one input to the next
   */
  readonly read: (bytes: Buffer, scratch: string) => Promise<unknown>;
}

/** Whether an error is an answer to a bad file and no defect. */
export function isAnswer(error: unknown): boolean {
  return [FundusLensError, ImportFailure, ProtocolError, DecoderError].some((kind) => error instanceof kind);
}

const repository = path.resolve(import.meta.dirname, '../..');
const checkpoint = path.join(repository, 'data/fixtures/checkpoints/qwen2-vl-tied-f16');
const read = (...names: string[]): Buffer => readFileSync(path.join(...names));

const jsonWords = ['{', '}', '[', ']', '"', ':', ',', 'null', '1e999', '-0', '"__proto__":{}', '\\ud800'];
const jsonMutation: FuzzTarget['mutate'] = (bytes, other, random) =>
  mutateJson(bytes, other, jsonWords, random);

async function pictures(): Promise<Buffer[]> {
  const images = path.join(repository, 'data/fixtures/images');
  const picture = sharp(path.join(images, 'tiny-45x38.png'));
  const written = await Promise.all([
    picture
      .clone()
      .jpeg({ progressive: true })
      .withExif({ IFD0: { Model: 'Камера' } })
      .toBuffer(),
    picture.clone().tiff({ compression: 'lzw' }).toBuffer(),
    picture.clone().tiff({ compression: 'none' }).toBuffer(),
    picture.clone().webp({ lossless: true }).toBuffer(),
    picture.clone().gif().toBuffer(),
    picture.clone().png({ palette: true }).toBuffer(),
  ]);
  return [read(images, 'tiny-45x38.png'), read(images, 'narrow-97x203.jpg'), writeBmp(), ...written];
}

/** 4 × 2 pixels with 24 bits. */
function writeBmp(): Buffer {
  const bytes = Buffer.alloc(54 + 24, 0x55);
  bytes.write('BM', 'latin1');
  [bytes.length, 0, 54, 40, 4, 2].forEach((value, index) => bytes.writeUInt32LE(value, 2 + 4 * index));
  [1 | (24 << 16), 0, 24, 2835, 2835, 0, 0].forEach((value, index) =>
    bytes.writeUInt32LE(value, 26 + 4 * index),
  );
  return bytes;
}

function dicoms(): Buffer[] {
  const photograph = { width: 8, height: 6, pixels: Buffer.alloc(144, 90) };
  const names = [
    [0x00080005, 'CS', 'ISO_IR 144'],
    [0x00100010, 'PN', 'Ivanova^Anna'],
    [0x00280008, 'IS', '1'],
  ] as const;
  const grey = { ...photograph, pixels: Buffer.alloc(48, 90), photometric: 'MONOCHROME2' };
  const jpeg = read(repository, 'data/fixtures/images/narrow-97x203.jpg');
  const packed = { width: 97, height: 203, pixels: Buffer.alloc(0), photometric: 'YBR_FULL_422' };
  return [
    writeDicom(opticPhotograph({ ...photograph, extra: names })),
    writeDicom(
      opticPhotograph({
        ...grey,
        extra: [
          [0x00281050, 'DS', '100'],
          [0x00281051, 'DS', '50'],
        ],
      }),
    ),
    writeDicom(
      opticPhotograph({ ...packed, extra: [[0x7fe00010, 'OB', { fragments: [jpeg] }]] }),
      '1.2.840.10008.1.2.4.50',
    ),
    writeDicom(
      opticPhotograph({ ...grey, extra: [[0x7fe00010, 'OB', { fragments: [Buffer.alloc(96, 3)] }]] }),
      '1.2.840.10008.1.2.5',
    ),
  ];
}

/** A checkpoint folder in which one file is the input; the others are links to honest ones. */
function besideOthers(scratch: string, name: string, bytes: Buffer): string {
  const folder = path.join(scratch, 'checkpoint');
  mkdirSync(folder, { recursive: true });
  for (const honest of [
    'config.json',
    'preprocessor_config.json',
    'generation_config.json',
    'chat_template.jinja',
  ]) {
    writeFileSync(path.join(folder, honest), read(checkpoint, honest));
  }
  for (const honest of ['tokenizer.json', 'tokenizer_config.json', 'model.safetensors']) {
    writeFileSync(path.join(folder, honest), read(checkpoint, honest));
  }
  writeFileSync(path.join(folder, name), bytes);
  return folder;
}

function fileIn(scratch: string, name: string, bytes: Buffer): string {
  const file = path.join(scratch, name);
  writeFileSync(file, bytes);
  return file;
}

const prompt = 'Is this a fundus photograph? Это глазное дно? 12,5 мм  aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!';

const protocolJson = JSON.parse(
  read(repository, 'resources/protocols/fundus.json').toString('utf8'),
) as unknown;
const protocolSchema = readProtocolSchema(protocolJson);

const templateWords = [
  '{%', '%}', '{{', '}}', '{% endfor %}', '{% for i in range(1000000000) %}x{% endfor %}', '{% if x %}', 'messages', '[0]',
  '{% set a = messages %}', '{{ messages | tojson }}', '{{ "x" * 3 }}', '{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}',
  'constructor', '.__proto__', '| length', 'loop.index', '{#', '-%}', '(', ')',
]; // prettier-ignore

const manifestWords = [
  ',', ';', '\t', '"', '\n', '\r', '\uFEFF', '\0', '=1+1', '29.02.2024', '31.02.2024', 'OD', '1850', '__proto__',
  'file', 'patient', 'constructor', '..', '\\', '|', 'ё',
]; // prettier-ignore

export const fuzzTargets: readonly FuzzTarget[] = [
  {
    name: 'image',
    seeds: pictures,
    mutate: mutateBytes,
    read: async (bytes) => {
      const sniffed = sniffFormat(bytes);
      if (sniffed.kind === 'image') await decodeImage(bytes, sniffed.format, defaultLimits);
    },
  },
  {
    name: 'image-of-a-trace',
    seeds: pictures,
    mutate: mutateBytes,
    read: (bytes) => decodeImageFile({ path: 'eye', bytes, sha256: '' }),
  },
  {
    name: 'dicom',
    seeds: () => Promise.resolve(dicoms()),
    mutate: mutateBytes,
    read: (bytes) => decodeDicom(bytes, defaultLimits),
  },
  {
    name: 'safetensors',
    seeds: () => {
      const whole = read(checkpoint, 'model.safetensors');
      const header = whole.subarray(8, 8 + Number(whole.readBigUInt64LE(0))).toString('utf8');
      const small = '{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"__metadata__":{"format":"pt"}}';
      return Promise.resolve([Buffer.from(header), Buffer.from(small)]);
    },
    // The input is the header alone, since nothing behind it is read.
    mutate: jsonMutation,
    read: (bytes, scratch) => {
      const length = Buffer.alloc(8);
      length.writeBigUInt64LE(BigInt(bytes.length));
      return readSafetensorsHeader(
        fileIn(scratch, 'a.safetensors', Buffer.concat([length, bytes, Buffer.alloc(8)])),
      );
    },
  },
  {
    name: 'safetensors-bytes',
    seeds: () => {
      const whole = read(checkpoint, 'model.safetensors');
      return Promise.resolve([whole.subarray(0, 40_000)]);
    },
    mutate: mutateBytes,
    read: (bytes, scratch) => readSafetensorsHeader(fileIn(scratch, 'a.safetensors', bytes)),
  },
  {
    name: 'tokenizer',
    seeds: () => Promise.resolve([read(checkpoint, 'tokenizer.json')]),
    mutate: jsonMutation,
    read: async (bytes, scratch) => {
      fileIn(scratch, 'tokenizer.json', bytes);
      const tokenizer = await readTokenizer(scratch);
      const ids = tokenizer.encode(prompt);
      tokenizer.decode(ids);
      for (const id of [0, 1, 300, tokenizer.size, ...ids.slice(0, 10)]) tokenizer.tokenText(id);
    },
  },
  {
    name: 'template',
    seeds: () => Promise.resolve([read(checkpoint, 'chat_template.jinja')]),
    mutate: (bytes, other, random) => mutateText(bytes, other, templateWords, random),
    read: async (bytes, scratch) => {
      fileIn(scratch, 'chat_template.jinja', bytes);
      const render = await readChatTemplate(scratch);
      render(prompt, true);
      render(prompt, false);
    },
  },
  {
    name: 'config',
    seeds: () => Promise.resolve([read(checkpoint, 'config.json')]),
    mutate: jsonMutation,
    read: (bytes, scratch) => outlineCheckpoint(besideOthers(scratch, 'config.json', bytes)),
  },
  {
    name: 'preprocessor',
    seeds: () => Promise.resolve([read(checkpoint, 'preprocessor_config.json')]),
    mutate: jsonMutation,
    read: async (bytes, scratch) => {
      const folder = besideOthers(scratch, 'preprocessor_config.json', bytes);
      const { imageProcessor } = await openCheckpoint(folder);
      await preprocessImage(path.join(repository, 'data/fixtures/images/tiny-45x38.png'), imageProcessor);
    },
  },
  {
    name: 'generation',
    seeds: () => Promise.resolve([read(checkpoint, 'generation_config.json')]),
    mutate: jsonMutation,
    read: (bytes, scratch) => openCheckpoint(besideOthers(scratch, 'generation_config.json', bytes)),
  },
  {
    name: 'manifest',
    seeds: () =>
      Promise.resolve([
        Buffer.from('file;patient;eye;visit_date;tags\na.jpg;P1;OD;29.02.2024;x|y\nb/c.jpg;P2;левый;;\n'),
        Buffer.from('\uFEFFfile,patient,name,birth_year\r\n"a ""b"".jpg",P1,"Ёлкина, Анна",1950\r\n'),
      ]),
    mutate: (bytes, other, random) => mutateText(bytes, other, manifestWords, random),
    read: (bytes) => {
      const { rows } = parseManifest(decodeManifest(bytes));
      const index = new ManifestIndex(rows);
      for (const { file } of rows) index.find(`folder/${file}`);
      return Promise.resolve(index.unused());
    },
  },
  {
    name: 'zip',
    seeds: () => {
      const data = Buffer.from('глаз '.repeat(200));
      const entries = [
        { name: 'a/b.jpg', data },
        { name: Buffer.from([0xa3, 0xab, 0xa0, 0xa7]), data, method: 0 },
      ];
      return Promise.resolve([writeZip(entries), writeZip([{ name: '../x', data, encrypted: true }])]);
    },
    mutate: mutateBytes,
    read: async (bytes, scratch) => {
      for await (const item of readZip(fileIn(scratch, 'a.zip', bytes), [], defaultLimits)) {
        if (item.kind === 'file') await item.read();
      }
    },
  },
  {
    name: 'concepts',
    seeds: () => Promise.resolve([read(repository, 'resources/concepts/laterality.json')]),
    mutate: jsonMutation,
    read: (bytes, scratch) => loadConceptSet(fileIn(scratch, 'concepts.json', bytes)),
  },
  {
    name: 'protocol',
    seeds: () => {
      const field = [...protocolSchema.fields.keys()][0]!;
      const empty = createProtocol(protocolSchema, { image: 'a', observer: 'b' });
      const values = { [field]: { value: null, source: 'manual', certainty: 0.5 } };
      return Promise.resolve([Buffer.from(JSON.stringify({ ...empty, values }))]);
    },
    mutate: jsonMutation,
    read: (bytes) => {
      const text = bytes.toString('utf8');
      let json: unknown;
      try {
        json = JSON.parse(text);
      } catch {
        return Promise.resolve();
      }
      return Promise.resolve(realiseProtocol(protocolSchema, readProtocol(protocolSchema, json), 'ru'));
    },
  },
  {
    name: 'protocol-form',
    seeds: () => Promise.resolve([read(repository, 'resources/protocols/fundus.json')]),
    mutate: jsonMutation,
    read: (bytes) => {
      const text = bytes.toString('utf8');
      let json: unknown;
      try {
        json = JSON.parse(text);
      } catch {
        return Promise.resolve();
      }
      return Promise.resolve(readProtocolSchema(json));
    },
  },
  {
    name: 'protocol-text',
    seeds: () => {
      const empty = createProtocol(protocolSchema);
      return Promise.resolve([Buffer.from(realiseProtocol(protocolSchema, empty, 'en'))]);
    },
    mutate: (bytes, other, random) =>
      mutateText(bytes, other, ['"', '«', '.', ',', ';', ' not ', '0.5', 'mm', '\n', '('], random),
    read: (bytes) => Promise.resolve(parseProtocolText(protocolSchema, bytes.toString('utf8'), 'en')),
  },
  {
    name: 'decoder',
    seeds: () => Promise.resolve([read(repository, 'data/fixtures/decoder/features.safetensors')]),
    mutate: mutateBytes,
    read: (bytes) => Promise.resolve(decodeDecoder(bytes, 'decoder')),
  },
  {
    name: 'backup',
    seeds: async (scratch) => {
      const folder = path.join(scratch, 'seed');
      rmSync(folder, { recursive: true, force: true });
      const library = await openLibrary(folder);
      addRecords(library, [makeRecord('a.jpg', { note: 'заметка' }), makeRecord('b.jpg')]);
      const { file } = await library.backup();
      library.close();
      const bytes = readFileSync(file);
      rmSync(folder, { recursive: true });
      return [bytes];
    },
    mutate: mutateBytes,
    read: async (bytes, scratch) => {
      const folder = path.join(scratch, 'library');
      rmSync(folder, { recursive: true, force: true });
      await restoreBackup(folder, fileIn(scratch, 'backup.sqlite', bytes));
      const library = await openLibrary(folder, { create: false });
      try {
        library.search.count({ filter: { text: 'заметка' } });
        await library.verify();
      } finally {
        library.close();
      }
    },
  },
];
