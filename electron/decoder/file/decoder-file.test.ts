import { mkdtemp, readdir, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { applyDecoder } from './apply-decoder.ts';
import type { ApplyRequest } from './apply-decoder.ts';
import { decodeDecoder, encodeDecoder, readDecoder, writeDecoder } from './decoder-file.ts';
import type { DecoderFile } from './decoder-file.ts';
import { fitDecoder } from '../fit/fit-decoder.ts';
import type { FitResult } from '../fit/fit-decoder.ts';
import { seededRandom } from '../linear/random.ts';
import type { FitRequest } from '../request/request.ts';
import type { FittedFieldReport } from '../fit/report.ts';
import { decodeTensors, encodeTensors } from './tensor-file.ts';

const count = 120;
const width = 10;
const random = seededRandom(11);
const images = Array.from({ length: count }, (_, row) => `image ${row}`);
const side = Float64Array.from({ length: count }, () => random.below(2));
const grade = Float64Array.from({ length: count }, () => random.below(3));
const ratio = Float64Array.from({ length: count }, () => random.next());
const values = Float32Array.from({ length: count * width }, (_, at) => {
  const row = Math.floor(at / width);
  const signal = [side[row]!, grade[row]!, ratio[row]!][at % width] ?? 0;
  return 100 + 2 * signal + random.next() - 0.5;
});
const features = [
  { id: 'image-mean', role: 'layers', images, width, layers: [{ layer: 6, values }] },
] as const;
const request: FitRequest = {
  name: 'sides',
  images,
  patients: images,
  features,
  byLayer: ['image-mean'],
  fields: [
    { id: 'eye', kind: 'binary', values: ['left', 'right'], labels: side },
    { id: 'grade', kind: 'ordinal', values: ['none', 'mild', 'severe'], labels: grade },
    { id: 'ratio', kind: 'number', values: [], labels: ratio },
    { id: 'rare', kind: 'binary', values: ['no', 'yes'], labels: side.map((_, row) => (row < 5 ? 1 : 0)) },
  ],
  origin: {
    modelHash: '0123456789abcdef'.repeat(4),
    modelName: 'demo',
    prompt: 'Опишите это изображение.',
    imageLimits: { minPixels: 28224, maxPixels: 51744 },
    softwareVersion: '0.1.0',
    schemaVersion: '1',
  },
  options: { bootstrapSamples: 50, permutations: 5 },
};
const card: DecoderFile['card'] = {
  note: { en: 'Sides', ru: 'Стороны' },
  createdAt: '2026-01-02T03:04:05.000Z',
  images: ['f'.repeat(64)],
  report: { images: count, patients: count, fields: [] },
};
const apply: ApplyRequest = { images, features, origin: request.origin };

let result: FitResult;
let content: DecoderFile;
let folder: string;
beforeAll(async () => {
  result = await fitDecoder(request);
  content = { decoder: result.decoder, card };
  folder = await mkdtemp(join(tmpdir(), 'decoder-'));
});

test('a decoder that was written and read again answers exactly the same', async () => {
  const file = join(folder, 'sides.safetensors');
  await writeDecoder(file, content);
  const { decoder: read, card: readCard } = await readDecoder(file);
  expect(readCard).toEqual(card);
  expect(read.byLayer.map(({ field, layer }) => [field, layer])).toEqual([
    ['eye', 6],
    ['grade', 6],
    ['ratio', 6],
  ]);
  expect(applyDecoder(read, apply)).toEqual(applyDecoder(result.decoder, apply));
  expect(read.heads.map(({ scores, counts, layer, set }) => ({ scores, counts, layer, set }))).toEqual(
    result.decoder.heads.map(({ scores, counts, layer, set }) => ({ scores, counts, layer, set })),
  );
  expect(read.origin).toEqual(request.origin);
  expect(await readdir(folder)).toEqual(['sides.safetensors']);
});

test('its answers are right, and what it does not know it does not say', () => {
  const answers = applyDecoder(result.decoder, apply);
  const share = (test: (row: number) => boolean) => images.filter((_, row) => test(row)).length / count;
  expect(share((row) => answers[row]![0]!.value === ['left', 'right'][side[row]!])).toBeGreaterThan(0.95);
  expect(
    share((row) => answers[row]![1]!.estimate === ['none', 'mild', 'severe'][grade[row]!]),
  ).toBeGreaterThan(0.85);
  expect(
    share((row) => answers[row]![2]!.low! <= ratio[row]! && ratio[row]! <= answers[row]![2]!.high!),
  ).toBeGreaterThan(0.85);
  for (const [, second, , rare] of answers) {
    expect(second!.value === null).toBe(second!.possible.length !== 1);
    expect(rare).toMatchObject({ field: 'rare', value: null, reason: 'not-learnt' });
  }
  const { measures } = (result.report.fields[2] as FittedFieldReport).chosen;
  expect(measures['intervalCoverage']!.value).toBeGreaterThan(0.8);
});

describe('features of something else are refused', () => {
  const { origin } = apply;
  const [set] = features;
  const refused: readonly [string, string, ApplyRequest][] = [
    ['another model', 'decoder.other-model', { ...apply, origin: { ...origin, modelHash: 'f'.repeat(64) } }],
    [
      'another prompt',
      'decoder.other-features',
      { ...apply, origin: { ...origin, prompt: 'What is this?' } },
    ],
    [
      'other image limits',
      'decoder.other-features',
      { ...apply, origin: { ...origin, imageLimits: { minPixels: 1, maxPixels: 2 } } },
    ],
    ['another set', 'decoder.other-features', { ...apply, features: [{ ...set, id: 'last-position' }] }],
    [
      'another layer',
      'decoder.other-features',
      { ...apply, features: [{ ...set, layers: [{ layer: 5, values }] }] },
    ],
    [
      'another width',
      'decoder.width',
      {
        ...apply,
        features: [{ ...set, width: 9, layers: [{ layer: 6, values: values.slice(0, count * 9) }] }],
      },
    ],
    ['an image without features', 'decoder.features-missing', { ...apply, images: ['image 1', 'unknown'] }],
  ];
  test.each(refused)('%s', (_, code, other) => {
    expect(() => applyDecoder(result.decoder, other)).toThrow(expect.objectContaining({ code }) as Error);
  });
});

describe('files that are not a whole decoder are refused', () => {
  const change = (edit: (metadata: Record<string, string>) => Record<string, string>) => {
    const { metadata, tensors } = decodeTensors(encodeDecoder(content));
    return encodeTensors({ metadata: edit({ ...metadata }), tensors });
  };

  test('a newer version', () => {
    const bytes = change((metadata) => ({ ...metadata, version: '2' }));
    expect(() => decodeDecoder(bytes, 'new.safetensors')).toThrow(
      expect.objectContaining({
        code: 'decoder.newer-version',
        params: { file: 'new.safetensors', expected: 1, found: 2 },
      }) as Error,
    );
  });

  test.each([
    ['cut off', () => encodeDecoder(content).subarray(0, -8)],
    ['cut off in its header', () => encodeDecoder(content).subarray(0, 100)],
    ['empty', () => new Uint8Array(0)],
    ['something else', () => new Uint8Array(1000).fill(65)],
    ['another kind of safetensors', () => change(({ decoder }) => ({ decoder: decoder! }))],
    [
      'without a head’s field',
      () =>
        change((metadata) => ({ ...metadata, decoder: metadata['decoder']!.replace('"kind"', '"sort"') })),
    ],
    [
      'with a head of another width',
      () =>
        change((metadata) => ({
          ...metadata,
          decoder: metadata['decoder']!.replace('"width":10', '"width":11'),
        })),
    ],
  ])('%s', (_, make) => {
    expect(() => decodeDecoder(make(), 'x')).toThrow(
      expect.objectContaining({ code: 'decoder.file-damaged' }) as Error,
    );
  });

  test('none where there is no file, and none left half-written', async () => {
    await expect(readDecoder(join(folder, 'nothing'))).rejects.toMatchObject({
      code: 'decoder.file-damaged',
    });
    const blocked = join(folder, 'blocked');
    await writeFile(blocked, 'a file, not a folder');
    await expect(writeDecoder(join(blocked, 'x'), content)).rejects.toMatchObject({
      code: 'decoder.unwritable',
    });
    expect(await readFile(blocked, 'utf8')).toBe('a file, not a folder');
  });
});
