import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { openCheckpoint } from '../../checkpoint/open-checkpoint.ts';
import { StreamedModel } from '../../fidelity/streamed-model.ts';
import { decodeImage } from '../../image/decode.ts';
import type { ImageProcessor } from '../../image/image-processor.ts';
import { limitDetail } from '../../image/limit-detail.ts';
import { preprocessImage } from '../../image/preprocess.ts';
import { imageLayout } from '../../lens-trace/overlay/image-layout.ts';
import { resolveConcepts } from '../../lens/resolve-concepts.ts';
import { activationBytes } from '../../memory/memory-needs.ts';
import { ModelCache } from '../../stages/model-cache.ts';
import { relativeError } from '../../testing/compare-with-reference.ts';
import {
  checkpointFolder,
  fixtureConcepts,
  fixtureNames,
  fixtureRequest,
  fixturesFolder,
  readTensors,
  referenceCases,
} from '../../testing/reference-fixtures.ts';
import { trace } from '../../trace.ts';
import { gemma3 } from './family.ts';

const names = fixtureNames.filter((name) => name.startsWith('gemma3'));
const name = 'gemma3-untied-f32';
const models = new ModelCache();
afterAll(() => models.close());

const inFixtures = (file: string) => path.join(fixturesFolder, file);
const cases = names.flatMap((checkpoint) =>
  referenceCases(checkpoint).map((reference) => ({ checkpoint, ...reference })),
);
const resize = async (image: string, processor: ImageProcessor) =>
  processor.resize(await decodeImage(inFixtures(image)), processor);

describe('the square that is seen', () => {
  it.each(cases)('of $checkpoint is that of transformers: $id', async ({ checkpoint, file, image }) => {
    const { imageProcessor } = await openCheckpoint(checkpointFolder(checkpoint));
    const { shape, data } = (await readTensors(inFixtures(file))).get('resized_rgb')!;
    const { width, height, rgb } = await resize(image, imageProcessor);
    expect([height, width, 3]).toEqual(shape);
    const largest = rgb.reduce((most, byte, at) => Math.max(most, Math.abs(byte - data[at]!)), 0);
    // Decoders of JPEG may differ by a few levels.
    expect(largest).toBeLessThanOrEqual(image.endsWith('.png') ? 0 : 6);
  });

  it('of the released size, 896 pixels, is that of transformers to the bit', async () => {
    const { config } = await openCheckpoint(checkpointFolder(name));
    const json = JSON.parse(readFileSync(inFixtures('reference/gemma3-full-size.json'), 'utf8')) as {
      image: string;
      processor: unknown;
      sha256: string;
    };
    const vision = { ...config.vision, patchSize: 14, mergeSize: 4, positionSide: 64 };
    const processor = gemma3.parseImageProcessor(json.processor, { ...config, vision });
    const { rgb } = await resize(json.image, processor);
    expect(createHash('sha256').update(rgb).digest('hex')).toBe(json.sha256);
  });

  it('is the same at any image detail', async () => {
    const { imageProcessor } = await openCheckpoint(checkpointFolder(name));
    const limited = limitDetail(imageProcessor, 100);
    const image = inFixtures('images/landscape-224x112.png');
    expect(await preprocessImage(image, limited)).toEqual(await preprocessImage(image, imageProcessor));
  });
});

it.each(referenceCases(name))('gives the same stream block by block: $id', async (reference) => {
  const { data, shape } = (await readTensors(inFixtures(reference.file))).get('residual_stream')!;
  const [numStreams, length, dModel] = shape as [number, number, number];
  const model = await StreamedModel.open(checkpointFolder(name));
  try {
    const image = await preprocessImage(inFixtures(reference.image), model.checkpoint.imageProcessor);
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

describe('a trace', () => {
  const imagePath = inFixtures('images/landscape-224x112.png');

  it('has one square of tokens over the whole photograph, between the tokens that Gemma writes around it', async () => {
    const found = await trace(fixtureRequest(name, { imagePath, positions: 'image' }), {}, models);
    expect(found.image).toMatchObject({ resized: [47, 47], grid: [1, 9, 9], cells: [3, 3] });
    const { tokenizer } = await openCheckpoint(checkpointFolder(name));
    const [start, end] = found.prompt.imageSpan!;
    const texts = found.prompt.tokenIds.map((id) => tokenizer.tokenText(id));
    expect(texts.slice(0, 2)).toEqual(['<bos>', '<start_of_turn>']);
    // The line break of the template and those of the image are one token.
    expect(texts.slice(start - 2, start)).toEqual(['\n\n\n', '<start_of_image>']);
    expect(texts.slice(end, end + 2)).toEqual(['<end_of_image>', '\n\n']);
    expect([...imageLayout(found)!.cells]).toEqual([...Array(9).keys()]);
  });

  it('is compared with its own shuffled cells and pictures', async () => {
    const controls = [inFixtures('images/square-112x112.png')];
    const { controls: found } = await trace(fixtureRequest(name, { imagePath, controls }), {}, models);
    expect(found.map(({ kind }) => kind)).toEqual(['no-image', 'picture', 'shuffled']);
  });
});

it('finds concepts in a vocabulary of pieces: a space is ▁ there, and bytes have tokens of their own', async () => {
  const { tokenizer } = await openCheckpoint(checkpointFolder(name));
  const texts = Object.fromEntries(
    resolveConcepts(fixtureConcepts, tokenizer, []).map(({ id, tokens }) => [
      id,
      tokens.map(({ text }) => text),
    ]),
  );
  expect(texts['retina']).toContain(' retina');
  expect(texts['eye']).toContain(' глаз');
  const written = 'é — 漢 retina';
  expect(tokenizer.decode(tokenizer.encode(written))).toBe(written);
  const bytes = tokenizer.encode('漢').filter((id) => tokenizer.tokenText(id).startsWith('⟨'));
  expect(bytes.map((id) => tokenizer.tokenText(id))).toEqual(['⟨e6⟩', '⟨bc⟩', '⟨a2⟩']);
  expect(tokenizer.decode(bytes.slice(0, 2))).toBe('\uFFFD\uFFFD');
});

it('needs memory for the scores of all heads on every provider', async () => {
  const { config } = await openCheckpoint(checkpointFolder(name));
  const size = { numPatches: 81, seqLen: 1000, numRead: 1 };
  const bytes = (seqLen: number) =>
    activationBytes(
      'decoder',
      config,
      { onDevice: true, attention: 'fused', widen: 'once' },
      { ...size, seqLen },
    );
  const perPair = (bytes(2000) - 2 * bytes(1000) + bytes(0)) / (2000 ** 2 - 2 * 1000 ** 2);
  expect(perPair).toBeCloseTo(4 * 2 * config.decoder.numHeads, 6);
});

it('takes the names of all releases', () => {
  const named = (file: string) => gemma3.canonicalTensorName(file);
  const gate = 'layers.3.mlp.gate_proj.weight';
  for (const file of [`language_model.model.${gate}`, `model.language_model.${gate}`])
    expect(named(file)).toBe(`model.${gate}`);
  for (const file of ['language_model.lm_head.weight', 'lm_head.weight'])
    expect(named(file)).toBe('lm_head.weight');
  const norm = 'encoder.layers.1.layer_norm2.bias';
  for (const prefix of [
    'vision_tower.vision_model.',
    'model.vision_tower.vision_model.',
    'model.vision_tower.',
  ])
    expect(named(`${prefix}${norm}`)).toBe('visual.blocks.1.layer_norm2.bias');
  for (const prefix of ['', 'model.'])
    expect(named(`${prefix}multi_modal_projector.mm_input_projection_weight`)).toBe(
      'visual.projection.weight',
    );
});

it('reads what MedGemma 4B and Gemma 3 4B leave to the class', () => {
  const { decoder, vision, imageTokenId, tiedUnembedding } = gemma3.parseConfig({
    model_type: 'gemma3',
    mm_tokens_per_image: 256,
    text_config: {
      hidden_size: 2560,
      intermediate_size: 10_240,
      num_hidden_layers: 34,
      rope_scaling: { factor: 8, rope_type: 'linear' },
      sliding_window: 1024,
    },
    vision_config: {
      hidden_size: 1152,
      image_size: 896,
      intermediate_size: 4304,
      num_attention_heads: 16,
      num_hidden_layers: 27,
      patch_size: 14,
    },
  });
  expect(decoder).toMatchObject({
    ...{ numHeads: 8, numKeyValueHeads: 4, headDim: 256, vocabSize: 262_208, queryScalar: 256 },
    ...{ ropeTheta: 1e6, ropeFactor: 8 },
  });
  const global = decoder.sliding!.layers.flatMap((isSliding, layer) => (isSliding ? [] : [layer]));
  expect(decoder.sliding).toMatchObject({ window: 1024, ropeTheta: 1e4 });
  expect(global).toEqual([5, 11, 17, 23, 29]);
  expect(vision).toMatchObject({ mergeSize: 4, positionSide: 64 });
  expect([imageTokenId, tiedUnembedding]).toEqual([262_144, null]);
});

describe('a file that the graphs do not compute is refused', () => {
  const read = (file: string) =>
    JSON.parse(readFileSync(path.join(checkpointFolder(name), file), 'utf8')) as Record<string, object>;
  const refused = (named: string) =>
    expect.objectContaining({ message: expect.stringContaining(named) as string }) as Error;

  it.each([
    ['text_config', { attn_logit_softcapping: 50 }, 'soft-capping'],
    ['text_config', { final_logit_softcapping: 30 }, 'final_logit_softcapping'],
    ['text_config', { use_bidirectional_attention: true }, 'use_bidirectional_attention'],
    ['text_config', { rope_scaling: { rope_type: 'yarn', factor: 8 } }, 'rope type'],
    ['text_config', { rope_scaling: { rope_type: 'linear' } }, 'factor'],
    ['text_config', { layer_types: ['full_attention'] }, 'layer_types'],
    ['text_config', { head_dim: 24 }, 'multiple of 16'],
    ['text_config', { num_key_value_heads: 2 }, 'key-value heads'],
    ['vision_config', { image_size: 50 }, 'mm_tokens_per_image'],
  ] as const)('%s %j', (part, changes, named) => {
    const config = read('config.json');
    Object.assign(config[part]!, changes);
    expect(() => gemma3.parseConfig(config)).toThrow(refused(named));
  });

  it.each([
    [{ do_pan_and_scan: true }, 'pan-and-scan'],
    [{ size: { height: 47, width: 94 } }, 'size must be'],
    [{ resample: 1 }, 'resample'],
    [{ do_normalize: false }, 'do_normalize'],
  ])('preprocessor_config.json %j', (changes, named) => {
    const config = gemma3.parseConfig(read('config.json'));
    const json = { ...read('preprocessor_config.json'), ...changes };
    expect(() => gemma3.parseImageProcessor(json, config)).toThrow(refused(named));
  });
});
