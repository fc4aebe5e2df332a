import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { openCheckpoint } from '../../checkpoint/open-checkpoint.ts';
import { StreamedModel } from '../../fidelity/streamed-model.ts';
import { limitDetail } from '../../image/limit-detail.ts';
import { preprocessImage } from '../../image/preprocess.ts';
import { imageLayout } from '../../lens-trace/overlay/image-layout.ts';
import { isImagePosition } from '../../lens-trace/image-tokens.ts';
import { ModelCache } from '../../stages/model-cache.ts';
import { relativeError } from '../../testing/compare-with-reference.ts';
import {
  checkpointFolder,
  fixtureNames,
  fixtureRequest,
  fixturesFolder,
  readTensors,
  referenceCases,
} from '../../testing/reference-fixtures.ts';
import { trace } from '../../trace.ts';
import { idefics3 } from './family.ts';
import { buckets } from './vision-feeds.ts';

const names = fixtureNames.filter((name) => /^(idefics3|smolvlm)/.test(name));
const name = 'idefics3-untied-f32';
const models = new ModelCache();
afterAll(() => models.close());

const imageFile = (image: string) => path.join(fixturesFolder, image);
const cases = names.flatMap((checkpoint) =>
  referenceCases(checkpoint).map((reference) => ({ checkpoint, ...reference })),
);

describe('pixels', () => {
  it.each(cases)('of $checkpoint are those of transformers: $id', async ({ checkpoint, file, image }) => {
    const { imageProcessor, config } = await openCheckpoint(checkpointFolder(checkpoint));
    const { shape, data } = (await readTensors(path.join(fixturesFolder, file))).get('tiles_rgb')!;
    const [tiles, side] = shape as [number, number];
    const { pixelValues, grid } = await preprocessImage(imageFile(image), imageProcessor);
    const { patchSize, mergeSize } = config.vision;
    const tileSide = config.vision.tileSide!;
    expect(grid[1] * grid[2]).toBe((tiles > 1 ? tiles - 1 : 1) * tileSide ** 2);
    const cells = tileSide / mergeSize;
    let at = 0;
    let largest = 0;
    for (let tile = 0; tile < tiles; tile++)
      for (let patch = 0; patch < tileSide ** 2; patch++) {
        const [cell, inCell] = [Math.floor(patch / mergeSize ** 2), patch % mergeSize ** 2];
        const top = (Math.floor(cell / cells) * mergeSize + Math.floor(inCell / mergeSize)) * patchSize;
        const left = ((cell % cells) * mergeSize + (inCell % mergeSize)) * patchSize;
        for (let channel = 0; channel < 3; channel++)
          for (let y = top; y < top + patchSize; y++)
            for (let x = left; x < left + patchSize; x++, at++) {
              const byte = data[((tile * side + y) * side + x) * 3 + channel]!;
              largest = Math.max(largest, Math.abs(pixelValues[at]! - (byte / 255 - 0.5) / 0.5));
            }
      }
    expect(at).toBe(pixelValues.length);
    // Of a PNG nothing is left but float32 rounding; decoders of JPEG may differ by a level.
    expect(largest).toBeLessThan(image.endsWith('.png') ? 1e-6 : 0.05);
  });

  it('of the released size, 2048 pixels in tiles of 512, are those of transformers to the bit', async () => {
    const { config } = await openCheckpoint(checkpointFolder(name));
    const vision = { ...config.vision, patchSize: 16, mergeSize: 4, tileSide: 32 };
    const json = JSON.parse(readFileSync(imageFile('reference/idefics3-full-size.json'), 'utf8')) as {
      image: string;
      processor: unknown;
      sha256: string;
    };
    const processor = idefics3.parseImageProcessor(json.processor, { ...config, vision });
    const { pixelValues, grid, resized } = await preprocessImage(imageFile(json.image), processor);
    expect([grid, resized]).toEqual([
      [1, 128, 128],
      [2048, 2048],
    ]);
    const bytes = Uint8Array.from(pixelValues, (value) => Math.round((value * 0.5 + 0.5) * 255));
    expect(createHash('sha256').update(bytes).digest('hex')).toBe(json.sha256);
  });

  it('a limit takes fewer tiles, down to one that shows the whole', async () => {
    const { imageProcessor } = await openCheckpoint(checkpointFolder(name));
    const gridAt = async (maxPixels: number) => {
      const limited = limitDetail(imageProcessor, maxPixels);
      return (await preprocessImage(imageFile('images/landscape-224x112.png'), limited)).grid;
    };
    expect(await gridAt(imageProcessor.maxPixels)).toEqual([1, 8, 12]);
    expect(await gridAt(96 * 64 - 1)).toEqual([1, 4, 8]);
    expect(await gridAt(1)).toEqual([1, 4, 4]);
  });
});

it('every patch of the released towers has a learned position of its own', () => {
  for (const side of [26, 27, 32]) expect(buckets(side, side)).toEqual([...Array(side).keys()]);
  expect(buckets(3, 4)).toEqual([0, 1, 2]);
  expect(buckets(8, 4)).toEqual([0, 0, 1, 1, 2, 2, 3, 3]);
});

it.each(referenceCases(name))('gives the same stream block by block: $id', async (reference) => {
  const { data, shape } = (await readTensors(imageFile(reference.file))).get('residual_stream')!;
  const [numStreams, length, dModel] = shape as [number, number, number];
  const model = await StreamedModel.open(checkpointFolder(name));
  try {
    const image = await preprocessImage(imageFile(reference.image), model.checkpoint.imageProcessor);
    const rows = Array.from({ length }, (_, row) => row);
    const [residual] = await model.read([{ image, prompt: reference.prompt, rows }], () => Promise.resolve());
    expect(residual).toHaveLength(numStreams);
    residual!.forEach((stream, layer) => {
      const expected = data.slice(layer * length * dModel, (layer + 1) * length * dModel);
      expect(relativeError(stream, expected)).toBeLessThan(1e-4);
    });
  } finally {
    await model.release();
  }
});

describe('a trace of an image in tiles', () => {
  const imagePath = imageFile('images/landscape-224x112.png');

  it('has its tokens at their places on the photograph, and the view of the whole beside them', async () => {
    const found = await trace(fixtureRequest(name, { imagePath, positions: 'image' }), {}, models);
    const { image, prompt, positions } = found;
    expect(image).toMatchObject({ resized: [96, 64], grid: [1, 8, 12], cells: [4, 6] });
    const pieces = prompt.imagePieces!;
    expect(pieces.map(({ at }) => at)).toEqual([[0, 0], [0, 2], [0, 4], [2, 0], [2, 2], [2, 4], null]);
    expect(positions).toEqual(prompt.tokenIds.flatMap((_, at) => (isImagePosition(prompt, at) ? [at] : [])));
    const imageToken = prompt.tokenIds[pieces[0]!.span[0]];
    expect(positions.map((at) => prompt.tokenIds[at])).toEqual(Array(28).fill(imageToken));
    const { rows, columns, cells } = imageLayout(found)!;
    expect([rows, columns]).toEqual([4, 6]);
    // The first row of cells is the first row of the three upper tiles.
    const firstRow = pieces.slice(0, 3).flatMap(({ span: [start] }) => [start, start + 1]);
    expect([...cells.slice(0, 6)].map((index) => positions[index])).toEqual(firstRow);
    expect(positions[cells.at(-1)!]).toBe(pieces[5]!.span[1] - 1);
  });

  it('without tiles, one piece is the whole photograph', async () => {
    const found = await trace(
      fixtureRequest('idefics3-tied-f16-whole', { imagePath, positions: 'image' }),
      {},
      models,
    );
    expect(found.prompt.imagePieces).toBeUndefined();
    expect(found.image).toMatchObject({ resized: [32, 32], cells: [2, 2] });
    expect([...imageLayout(found)!.cells]).toEqual([0, 1, 2, 3]);
  });

  it('is compared with its own shuffled tiles', async () => {
    const controls = [imageFile('images/square-112x112.png')];
    const { controls: found } = await trace(fixtureRequest(name, { imagePath, controls }), {}, models);
    expect(found.map(({ kind }) => kind)).toEqual(['no-image', 'picture', 'shuffled']);
  });
});

describe('a file that the graphs do not compute is refused', () => {
  const read = (file: string, checkpoint = name) =>
    JSON.parse(readFileSync(path.join(checkpointFolder(checkpoint), file), 'utf8')) as Record<string, object>;
  const refused = (named: string) =>
    expect.objectContaining({ message: expect.stringContaining(named) as string }) as Error;

  it.each([
    ['text_config', { attention_bias: true }, 'attention_bias'],
    ['text_config', { rope_scaling: { rope_type: 'llama3' } }, 'rope type'],
    ['text_config', { qk_layer_norms: true }, 'qk_layer_norms'],
    ['text_config', { head_dim: 24 }, 'multiple of 16'],
    ['text_config', { num_key_value_heads: 2 }, 'key-value heads'],
    ['vision_config', { hidden_act: 'gelu' }, 'gelu_pytorch_tanh'],
    ['vision_config', { image_size: 40 }, 'scale_factor'],
  ] as const)('%s %j', (part, changes, named) => {
    const config = read('config.json');
    Object.assign(config[part]!, changes);
    expect(() => idefics3.parseConfig(config)).toThrow(refused(named));
  });

  it.each([
    [{ max_image_size: { longest_edge: 64 } }, 'max_image_size'],
    [{ resample: 2 }, 'resample'],
    [{ do_normalize: false }, 'do_normalize'],
    [{ size: { longest_edge: 5000 } }, 'longest_edge'],
  ])('preprocessor_config.json %j', (changes, named) => {
    const config = idefics3.parseConfig(read('config.json'));
    const json = { ...read('preprocessor_config.json'), ...changes };
    expect(() => idefics3.parseImageProcessor(json, config)).toThrow(refused(named));
  });
});
