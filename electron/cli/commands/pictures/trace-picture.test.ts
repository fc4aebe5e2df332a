import { describe, expect, test } from 'vitest';
import displayWidth from 'string-width';
import type { ConceptTrace, LensTrace } from '../../../engine/lens-trace/lens-trace.ts';
import { drawTrace } from './trace-picture.ts';

const numLayers = 28;
const rows = numLayers + 1;
const hash = 'ab'.repeat(32);
const tokenTexts = [
  'Ret',
  '眼底照片很清楚',
  ' ophthalmoscopic',
  '\n',
  '⟨d0⟩',
  ' Кат',
  '\u001b[31m',
  'x',
  'y',
  'z',
];

function makeConcept(id: string, index: number, layer: number | null): ConceptTrace {
  return {
    id,
    label: { en: `Concept ${id} with a rather long name`, ru: `Понятие ${id} с довольно длинным названием` },
    role: index % 3 === 2 ? 'control' : 'target',
    tokens: [
      { id: index, text: tokenTexts[index]!, forms: [id], fragment: true, sharedWith: ['Return', 'Retail'] },
    ],
    logProb: Float32Array.from({ length: rows }, (_, row) => Math.log((row + 1) / (rows * (index + 1)))),
    rank: new Int32Array(rows).fill(1),
    emergence: { maxRank: 10, controlLogOdds: null, imageControlLogOdds: null, layers: [layer] },
  };
}

const trace: LensTrace = {
  schema: 'fundus-lens.trace/1',
  model: {
    id: 'Qwen2.5-VL-7B-Instruct',
    family: 'qwen2_5_vl',
    sha256: hash,
    numLayers,
    dModel: 3584,
    vocabSize: 152064,
    tokenizerSize: 151665,
    weightDtype: 'BF16',
    provider: 'cpu',
    providerRequested: 'auto',
    providerFallback: 'no adapter',
  },
  image: { sha256: hash, width: 4288, height: 2848, resized: [4284, 2856], grid: [1, 204, 306] },
  prompt: {
    text: 'Опишите снимок глаза.\nКоротко.',
    rendered: '',
    tokenIds: [1, 2, 3],
    imageSpan: [0, 1],
    leaks: ['eye'],
  },
  lens: 'logit',
  positions: [2],
  layers: Array.from({ length: rows }, (_, layer) => layer),
  topK: 10,
  cells: {
    topIds: Int32Array.from({ length: rows * 10 }, (_, index) => (index + Math.floor(index / 10)) % 10),
    topLogProbs: Float32Array.from({ length: rows * 10 }, (_, index) => Math.log(0.5 / ((index % 10) + 1))),
    entropy: new Float32Array(rows),
    klToFinal: Float32Array.from({ length: rows }, (_, row) => (row < 10 ? 8 : (rows - 1 - row) / 8)),
    residualNorm: new Float32Array(rows),
  },
  tokenTexts: Object.fromEntries(tokenTexts.entries()),
  concepts: ['retina', 'eye', 'cat', 'macula'].map((id, index) =>
    makeConcept(id, index, index === 3 ? null : 14 + index),
  ),
  controls: [],
  generated: { ids: [1, 2], text: 'Сетчатка\nглаза', ended: false },
  gate: { maxAbsDiff: 2.4e-6, tolerance: 1e-3 },
  timings: { load: 1, image: 1, vision: 1, decoder: 1, controls: 0, lens: 1, generate: 1, total: 6 },
  software: {
    name: 'fundus-lens',
    version: '0.1.0',
    onnxruntime: '1.30.0',
    node: '24.0.0',
    platform: 'linux-x64',
  },
  warnings: [{ code: 'prompt-names-concepts', params: { concepts: ['eye'] } }],
};

const plain = { imageName: 'глаз.jpg', language: 'ru', paint: (_: string, text: string) => text } as const;

describe('drawTrace', () => {
  test.each(['en', 'ru'] as const)('fits 80 columns whatever it shows (%s)', (language) => {
    const picture = drawTrace(trace, { ...plain, language });
    for (const line of picture.split('\n')) expect(displayWidth(line), line).toBeLessThanOrEqual(80);
    expect(picture).not.toContain('\u001b');
  });

  test('every layer is shown, the last one too, and the early ones are marked', () => {
    const lines = drawTrace(trace, plain).split('\n');
    const layers = lines.flatMap((line) => /^ {3,4}(\d{1,2})([~ ]) /.exec(line)?.slice(1, 3).join('') ?? []);
    expect(layers).toHaveLength(rows);
    expect(layers.filter((label) => label.endsWith('~'))).toHaveLength(10);
    expect(layers.at(-1)).toBe('28 ');
  });

  test('says from which layer on, what leaks, what is a fragment, and where it comes from', () => {
    const picture = drawTrace(trace, plain).replace(/\s+/g, ' ');
    expect(picture).toContain('layer 14 Понятие retina');
    expect(picture).toContain('never Понятие macula');
    expect(picture).toContain('! The prompt itself names: eye.');
    expect(picture).toContain('is only the beginning of');
    expect(picture).toContain('Answer: Сетчатка глаза …');
    expect(picture).toContain('seen as 4284 × 2856');
    expect(picture).toContain('grid 1×204×306');
    expect(picture).toContain('cpu (asked: auto); last layer');
    expect(picture).toContain(hash.slice(0, 16));
  });

  test('says what of the time was not this trace’s own', () => {
    const end = (reuse: NonNullable<LensTrace['timings']['reuse']>) =>
      drawTrace({ ...trace, timings: { ...trace.timings, reuse } }, plain).replace(/\s+/g, ' ');
    expect(end({ vision: true, prefix: true, batch: 1 })).toContain('up to the end of the image, kept from');
    expect(end({ vision: true, prefix: false, batch: 1 })).toContain('encoding of the image, kept from');
    expect(end({ vision: false, prefix: false, batch: 4 })).toContain('together with 3 more images');
    expect(end({ vision: false, prefix: false, batch: 1 })).toBe(
      drawTrace(trace, plain).replace(/\s+/g, ' '),
    );
  });

  test('names the device, and what was used of its memory', () => {
    const on = (model: Partial<LensTrace['model']>) =>
      drawTrace({ ...trace, model: { ...trace.model, ...model } }, plain).replace(/\s+/g, ' ');
    const gpu = { provider: 'webgpu', device: 'NVIDIA GeForce RTX 4060' } as const;
    const used = { deviceMemoryUsedBytes: 5.32e9 };
    expect(on(gpu)).toContain('webgpu (asked: auto), NVIDIA GeForce RTX 4060; last');
    expect(on({ ...gpu, ...used })).toContain('RTX 4060, 5.3 GB; last');
    expect(on({ ...gpu, ...used, deviceMemoryBytes: 8.59e9 })).toContain('RTX 4060, 5.3 of 8.6 GB; last');
  });

  test('a prompt without an image, with fewer tokens and no concepts', () => {
    const cells = { ...trace.cells, topIds: new Int32Array(rows), topLogProbs: new Float32Array(rows) };
    const picture = drawTrace(
      { ...trace, image: null, topK: 1, cells, concepts: [] },
      { ...plain, imageName: null },
    );
    expect(picture).toContain('No image');
    for (const line of picture.split('\n')) expect(displayWidth(line), line).toBeLessThanOrEqual(80);
  });
});

test('prepared weights are drawn with how true they are, others without a word', () => {
  const fidelity = {
    top1Agreement: 0.981,
    top1AgreementClear: 0.9975,
    worstLayerTop1Agreement: 0.9639,
    meanKl: 1e-3,
    conceptRankCorrelation: 0.999,
    emergenceChanged: 4,
    emergenceCompared: 94,
  };
  const draw = (known: typeof fidelity | null | undefined) =>
    drawTrace(
      { ...trace, model: known === undefined ? trace.model : { ...trace.model, fidelity: known } },
      plain,
    ).replace(/\s+/g, ' ');
  expect(draw(fidelity)).toContain('98.1 % (99.8 % where it is clear), 96.4 % at the worst layer');
  expect(draw(null)).toContain('was not measured');
  expect(draw(undefined)).not.toMatch(/prepared weights|not measured/);
});
