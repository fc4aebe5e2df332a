import path from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { ModelCache } from '../stages/model-cache.ts';
import { checkpointFolder, fixturesFolder } from '../testing/reference-fixtures.ts';
import { fitShortcut, type ShortcutRequest } from './fit-shortcut.ts';

const models = new ModelCache();
afterAll(() => models.close());

const image = (name: string) => path.join(fixturesFolder, 'images', name);
const request: ShortcutRequest = {
  modelDir: checkpointFolder('qwen2-5-vl-untied-f32'),
  provider: 'cpu',
  prompt: 'What is this?',
  maxPixels: null,
  ridge: 0.01,
  fitted: [image('portrait-140x196.png'), image('landscape-224x112.png'), image('halves-70x126.png')],
  heldOut: [image('square-112x112.png')],
};

test('nearer to the final distribution than the logit lens on an image that was not fitted on, and equal at the last layer', async () => {
  const { maps, error, rows, images } = await fitShortcut(request, {}, models);
  const { logit, lens } = error.positions;
  expect([images.fitted.length, images.heldOut.length]).toEqual([3, 1]);
  expect(maps).toHaveLength(logit.length - 1);
  expect(rows).toBeGreaterThan(60);
  expect(logit.at(-1)).toBe(0);
  expect(lens.at(-1)).toBe(0);
  for (const [layer, own] of lens.slice(0, -1).entries()) expect(own).toBeLessThan(logit[layer]!);
}, 120_000);

test('refuses to be measured on nothing', async () => {
  await expect(fitShortcut({ ...request, heldOut: [] }, {}, models)).rejects.toMatchObject({
    code: 'input.invalid',
    found: '3 to fit on, 0 to measure on',
  });
});
