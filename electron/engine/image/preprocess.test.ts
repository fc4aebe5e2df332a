import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import type { EngineProgress } from '../lens-trace/progress.ts';
import { decodeImage } from './decode.ts';
import { qwenImageProcessor } from '../families/qwen-shared/preprocessing.ts';
import type { ImageProcessor, ImageProcessorConfig } from './image-processor.ts';
import { preprocessImage } from './preprocess.ts';

const fixtures = new URL('../../../data/fixtures/', import.meta.url);
const samples = new URL('../../../data/samples/real/', import.meta.url);

const small = qwenImageProcessor({
  patchSize: 14,
  temporalPatchSize: 2,
  mergeSize: 2,
  minPixels: 3136,
  maxPixels: 31360,
  mean: [0.48145466, 0.4578275, 0.40821073],
  std: [0.26862954, 0.26130258, 0.27577711],
});
const large: ImageProcessor = { ...small, maxPixels: 94080 };

interface Reference {
  readonly grid: number[];
  /** uint8 [H, W, 3] */
  readonly resizedRgb: Uint8Array;
  /** float32 [patches, 1176], only of some */
  readonly pixelValues: Float32Array | null;
}

/** Reads one of the files that models/reference/make_fixtures.py stored. */
function readReference(name: string): Reference {
  const bytes = readFileSync(new URL(`reference/pixels/${name}.safetensors`, fixtures));
  const headerLength = Number(bytes.readBigUInt64LE(0));
  const header = JSON.parse(bytes.toString('utf8', 8, 8 + headerLength)) as Record<
    string,
    { data_offsets: [number, number] } | undefined
  >;
  const slice = (key: string) => {
    const offsets = header[key]?.data_offsets;
    if (offsets === undefined) return null;
    return new Uint8Array(
      bytes.subarray(8 + headerLength + offsets[0], 8 + headerLength + offsets[1]),
    ).slice();
  };
  const grid = slice('image_grid_thw')!;
  const pixelValues = slice('pixel_values');
  return {
    grid: Array.from(new BigInt64Array(grid.buffer), Number),
    resizedRgb: slice('resized_rgb')!,
    pixelValues: pixelValues === null ? null : new Float32Array(pixelValues.buffer),
  };
}

/** The reference's patches [patches, 1176], normalised in float64 from the 8-bit picture that it normalised. */
function patchReference(
  rgb: Uint8Array,
  [, rows, columns]: number[],
  config: ImageProcessorConfig,
): Float64Array {
  const width = columns! * 14;
  const values: number[] = [];
  for (let merged = 0; merged < (rows! * columns!) / 4; merged++) {
    const row = Math.floor(merged / (columns! / 2)) * 2;
    const column = (merged % (columns! / 2)) * 2;
    for (const [dy, dx] of [
      [0, 0],
      [0, 1],
      [1, 0],
      [1, 1],
    ] as const) {
      for (let inPatch = 0; inPatch < 1176; inPatch++) {
        const channel = Math.floor(inPatch / 392);
        const y = (row + dy) * 14 + (Math.floor(inPatch / 14) % 14);
        const x = (column + dx) * 14 + (inPatch % 14);
        values.push(
          (rgb[(y * width + x) * 3 + channel]! / 255 - config.mean[channel]!) / config.std[channel]!,
        );
      }
    }
  }
  return Float64Array.from(values);
}

function difference(a: ArrayLike<number>, b: ArrayLike<number>): { mean: number; max: number } {
  expect(a.length).toBe(b.length);
  let sum = 0;
  let max = 0;
  for (let i = 0; i < a.length; i++) {
    const step = Math.abs(a[i]! - b[i]!);
    sum += step;
    max = Math.max(max, step);
  }
  return { mean: sum / a.length, max };
}

describe('against transformers', () => {
  test.each([
    ['square-112x112.png', 'square-112x112@112x112', large],
    ['landscape-224x112.png', 'landscape-224x112@224x112', large],
    ['portrait-140x196.png', 'portrait-140x196@140x196', large],
    ['nearly-square-168x140.jpg', 'nearly-square-168x140@168x140', large],
  ] as const)('%s needs no resizing: within 1e-5', async (file, name, config) => {
    const reference = readReference(name);
    const result = await preprocessImage(fileURLToPath(new URL(`images/${file}`, fixtures)), config);
    expect(result.grid).toEqual(reference.grid);
    expect(result.resized).toEqual([result.width, result.height]);
    const expected = reference.pixelValues ?? patchReference(reference.resizedRgb, reference.grid, config);
    expect(difference(result.pixelValues, expected).max).toBeLessThanOrEqual(1e-5);
  });

  test.each([
    ['images/photo-301x257.png', 'photo-301x257@168x140', small],
    ['images/narrow-97x203.jpg', 'narrow-97x203@84x196', large],
    ['images/tiny-45x38.png', 'tiny-45x38@84x56', small],
    ['retina.jpg', 'retina@168x168', small],
  ] as const)('%s is resized as Pillow does: mean difference at most 0.01', async (file, name, config) => {
    const reference = readReference(name);
    const url = file === 'retina.jpg' ? new URL(file, samples) : new URL(file, fixtures);
    const result = await preprocessImage(fileURLToPath(url), config);
    expect(result.grid).toEqual(reference.grid);
    const expected = patchReference(reference.resizedRgb, reference.grid, config);
    const { mean, max } = difference(result.pixelValues, expected);
    expect(mean).toBeLessThanOrEqual(0.01);
    // Pillow's arithmetic is repeated exactly, so that of a PNG nothing is left but float32 rounding.
    if (file.endsWith('.png')) expect(max).toBeLessThanOrEqual(1e-5);
  });
});

test('progress is reported step by step, and an abort is seen between steps', async () => {
  const path = fileURLToPath(new URL('images/square-112x112.png', fixtures));
  const seen: EngineProgress[] = [];
  await preprocessImage(path, small, { onProgress: (progress) => seen.push(progress) });
  expect(seen.map(({ stage, done, total }) => `${stage} ${done}/${total}`)).toEqual([
    'image 0/3',
    'image 1/3',
    'image 2/3',
    'image 3/3',
  ]);
  await expect(preprocessImage(path, small, { signal: AbortSignal.abort() })).rejects.toMatchObject({
    code: 'engine.cancelled',
  });
});

test('pixels in memory give what their file gives', async () => {
  const path = fileURLToPath(new URL('images/photo-301x257.png', fixtures));
  const fromFile = await preprocessImage(path, small);
  const fromPixels = small.toPatches(small.resize(await decodeImage(path), small), small);
  expect(fromPixels.pixelValues).toEqual(fromFile.pixelValues);
  expect(fromPixels.grid).toEqual(fromFile.grid);
});
