import { readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, test } from 'vitest';
import { conceptSetSchema } from '../lens-trace/concept-set.ts';
import type { EngineTraceRequest } from './engine-trace-request.ts';
import type { LensTrace } from '../lens-trace/lens-trace.ts';

import { logOdds } from '../lens/emergence.ts';
import { ModelCache } from './model-cache.ts';
import { trace } from '../trace.ts';

const data = fileURLToPath(new URL('../../../data', import.meta.url));
const controls = ['blank.png', 'coffee.jpg', 'noise.png'].map((name) => path.join(data, 'controls', name));
const concepts = fileURLToPath(new URL('../../../resources/concepts/fundus.json', import.meta.url));
const models = new ModelCache();
afterAll(() => models.close());

const request: EngineTraceRequest = {
  modelDir: fileURLToPath(new URL('../../../models/demo', import.meta.url)),
  imagePath: path.join(data, 'samples/real/retina.jpg'),
  prompt: 'What is this image? Answer in one word.',
  lens: 'logit',
  positions: 'last',
  topK: 1,
  conceptSet: conceptSetSchema.parse(JSON.parse(readFileSync(concepts, 'utf8'))),
  provider: 'cpu',
  generate: 0,
  traceGenerated: false,
  controls,
  dumpPath: null,
};

test('the threshold of a concept is the 95th percentile of separate traces of the controls', async () => {
  const whole = await trace(request, {}, models);
  const alone: LensTrace[] = [];
  for (const imagePath of [...controls, null]) {
    alone.push(await trace({ ...request, imagePath, controls: null }, {}, models));
  }
  expect(whole.controls).toEqual(alone.map(({ image }) => ({ sha256: image?.sha256 ?? null })));
  for (const [index, { emergence }] of whole.concepts.entries()) {
    expect(emergence.imageControlLogOdds).toBeNull();
    const expected = whole.layers.map((layer) => {
      const odds = alone.map(({ concepts }) => logOdds(concepts[index]!.logProb[layer]!));
      const [first, second] = odds.sort((a, b) => b - a) as [number, number];
      return second + 0.85 * (first - second); // position 0.95 · 3 of four values
    });
    expect(emergence.controlLogOdds).toHaveLength(expected.length);
    expected.forEach((value, layer) => expect(emergence.controlLogOdds![layer]).toBeCloseTo(value, 3));
  }
  expect(alone[0]!.controls).toEqual([]);
  expect(alone[0]!.concepts[0]!.emergence.controlLogOdds).toBeNull();
});

test('positions of the image are compared with positions of the control images', async () => {
  const { positions, prompt, concepts } = await trace({ ...request, positions: 'all' }, {}, models);
  const [start, end] = prompt.imageSpan!;
  for (const { emergence, rank, logProb } of concepts) {
    const lastLayer = emergence.controlLogOdds!.length - 1;
    positions.forEach((position, index) => {
      if (emergence.layers[index] === null) return;
      const inImage = position >= start && position < end;
      const threshold = (inImage ? emergence.imageControlLogOdds : emergence.controlLogOdds)![lastLayer]!;
      const cell = lastLayer * positions.length + index;
      expect(rank[cell]).toBeLessThanOrEqual(emergence.maxRank);
      expect(logOdds(logProb[cell]!)).toBeGreaterThan(threshold);
    });
  }
  expect(concepts.some(({ emergence }) => emergence.layers.some((layer) => layer !== null))).toBe(true);
});

test('controls are read once for a prompt, and a missing one is an error that names it', async () => {
  const model = await models.open(request.modelDir, request.provider, {});
  const concepts = models.resolve(request.conceptSet, model);
  const read = () =>
    models.readControls(model, { ...request, maxPixels: null, concepts, imagePositions: false }, {});
  expect(await read()).toBe(await read());
  const gone = path.join(data, 'controls', 'gone.png');
  await expect(trace({ ...request, controls: [gone] }, {}, models)).rejects.toMatchObject({
    code: 'image.unreadable',
    found: expect.stringContaining(gone) as string,
  });
});
