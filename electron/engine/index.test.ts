import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openModel, type LensModel } from './index.ts';
import { ModelCache } from './stages/model-cache.ts';
import { checkpointFolder, fixtureRequest, fixturesFolder } from './testing/reference-fixtures.ts';
import { trace } from './trace.ts';

const name = 'qwen2-5-vl-untied-f32';
const image = path.join(fixturesFolder, 'images/square-112x112.png');
const prompt = 'Describe this image. Answer with one word.';
let model: LensModel;
beforeAll(async () => {
  model = await openModel(checkpointFolder(name), { provider: 'cpu' });
});
afterAll(() => model.close());

test('a trace by the public interface is that of the engine, with the defaults of the schema', async () => {
  const models = new ModelCache();
  const request = fixtureRequest(name, { imagePath: image, prompt, generate: 4 });
  const expected = await trace(request, {}, models);
  await models.close();
  const found = await model.trace(image, {
    prompt,
    generate: 4,
    concepts: request.conceptSet,
    controls: false,
  });
  expect(found.cells).toEqual(expected.cells);
  expect(found.generated).toEqual(expected.generated);
  expect(await model.generate(image, prompt, { maxTokens: 4 })).toEqual(expected.generated);
});

test('the bundled concepts and controls are taken when nothing is said', async () => {
  const found = await model.trace(image, { generate: 0 });
  expect(found.concepts.map(({ id }) => id)).toContain('retina');
  expect(found.controls.length).toBeGreaterThan(1);
});

test('a file that is no image gives its error, and the next image its features', async () => {
  const results = [];
  for await (const one of model.tap([path.join(fixturesFolder, 'missing.png'), image], [2]))
    results.push(one);
  expect(results.map(({ error }) => error?.code.split('.')[0])).toEqual(['image', undefined]);
  const { imageMean, layers, model: from } = results[1]!.features!;
  expect(layers).toEqual([2]);
  expect(imageMean.shape).toEqual([1, from.dModel]);
  expect(imageMean.data.every(Number.isFinite)).toBe(true);
  await expect(model.tap(image, [99]).next()).rejects.toMatchObject({ code: 'input.invalid' });
});
