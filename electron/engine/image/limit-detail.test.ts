import path from 'node:path';
import fc from 'fast-check';
import { afterAll, expect, test } from 'vitest';
import { ModelCache } from '../stages/model-cache.ts';
import { fixtureRequest, fixturesFolder, referenceCases } from '../testing/reference-fixtures.ts';
import { trace } from '../trace.ts';
import { limitDetail } from './limit-detail.ts';
import { smartResize } from '../families/qwen-shared/smart-resize.ts';

const models = new ModelCache();
afterAll(() => models.close());

const config = {
  patchSize: 14,
  temporalPatchSize: 2,
  mergeSize: 2,
  minPixels: 3136,
  maxPixels: 12_845_056,
  mean: [0, 0, 0],
  std: [1, 1, 1],
} as const;

test('a limit is never above the checkpoint’s own, and every image keeps to it', () => {
  const side = fc.integer({ min: 28, max: 4000 });
  fc.assert(
    fc.property(side, side, fc.integer({ min: 784, max: 20_000_000 }), (width, height, maxPixels) => {
      fc.pre(Math.max(width, height) / Math.min(width, height) <= 4);
      const limited = limitDetail(config, maxPixels);
      expect(limited.maxPixels).toBe(Math.min(maxPixels, config.maxPixels));
      const [seenWidth, seenHeight] = smartResize(width, height, { factor: 28, ...limited });
      // An image token is the least there is of either side.
      fc.pre(maxPixels >= 4 * 784);
      expect(seenWidth * seenHeight).toBeLessThanOrEqual(limited.maxPixels);
    }),
  );
  expect(limitDetail(config, null)).toBe(config);
});

test('a trace with less detail says so, and reads fewer image tokens', async () => {
  const name = 'qwen2-5-vl-tied-bf16';
  const imagePath = path.join(fixturesFolder, referenceCases(name)[0]!.image);
  const whole = await trace(fixtureRequest(name, { imagePath }), {}, models);
  const [width, height] = whole.image!.resized;
  const maxPixels = Math.floor((width * height) / 4);
  const less = await trace(fixtureRequest(name, { imagePath, maxPixels }), {}, models);
  expect(less.image!.maxPixels).toBe(maxPixels);
  expect(whole.image!.maxPixels).toBeUndefined();
  const tokens = ({ prompt: { imageSpan } }: typeof whole) => imageSpan![1] - imageSpan![0];
  expect(tokens(less)).toBeGreaterThan(0);
  expect(tokens(less)).toBeLessThanOrEqual(tokens(whole) / 4);
});
