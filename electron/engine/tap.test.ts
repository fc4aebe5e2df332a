import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { imagePositions } from './lens-trace/image-tokens.ts';
import { ModelCache } from './stages/model-cache.ts';
import type { TapRequest } from './stages/tap-request.ts';
import { tap } from './tap.ts';
import { relativeError } from './testing/compare-with-reference.ts';
import { fixtureRequest, readTensors } from './testing/reference-fixtures.ts';
import { trace } from './trace.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'fundus-lens-tap-'));
const models = new ModelCache();
afterAll(async () => {
  await models.close();
  rmSync(folder, { recursive: true });
});

function tapRequest(name: string, changes: Partial<TapRequest> = {}): TapRequest {
  const { modelDir, imagePath, prompt } = fixtureRequest(name);
  return {
    modelDir,
    imagePath: imagePath!,
    prompt,
    layers: [1],
    perToken: true,
    provider: 'cpu',
    ...changes,
  };
}

/** The mean of rows whose norm is at most mean + 2 σ of the norms. */
function meanWithoutSinks(rows: readonly (readonly number[])[]): number[] {
  const norms = rows.map((row) => Math.hypot(...row));
  const mean = norms.reduce((sum, norm) => sum + norm) / norms.length;
  const deviation = Math.sqrt(norms.reduce((sum, norm) => sum + (norm - mean) ** 2, 0) / norms.length);
  const kept = rows.filter((_, index) => norms[index]! <= mean + 2 * deviation);
  return rows[0]!.map((_, d) => kept.reduce((sum, row) => sum + row[d]!, 0) / kept.length);
}

describe.each([
  ...[
    'qwen2-5-vl-untied-f32',
    'qwen2-vl-tied-f16',
    'qwen3-vl-tied-bf16',
    'smolvlm-tied-bf16',
    'gemma3-tied-bf16',
  ],
])('%s', (name) => {
  it('gives at every depth what a dump of the whole pass holds', async () => {
    const dumpPath = path.join(folder, `${name}.safetensors`);
    const whole = await trace(fixtureRequest(name, { positions: 'all', dumpPath }), {}, models);
    const dump = await readTensors(dumpPath);
    const { shape, data } = dump.get('residual_stream')!;
    const [numStreams, length, dModel] = shape as [number, number, number];
    const ofImage = imagePositions(whole.prompt);
    const row = (layer: number, position: number) => {
      const at = (layer * length + position) * dModel;
      return data.slice(at, at + dModel);
    };
    const embeds = dump.get('image_embeds')!.data;
    for (let depth = 1; depth < numStreams; depth++) {
      const layers = depth === 1 ? [1] : [depth, 1, depth];
      const features = await tap(tapRequest(name, { layers }), {}, models);
      const expected = [...new Set(layers)].sort((a, b) => a - b);
      expect(features.layers).toEqual(expected);
      expect(features.image.sha256).toBe(whole.image!.sha256);
      expect(features.visionTokens!.shape).toEqual([ofImage.length, dModel]);
      expect(relativeError(features.visionTokens!.data, embeds)).toBeLessThan(1e-5);
      expect(features.imageTokens!.shape).toEqual([expected.length, ofImage.length, dModel]);
      expected.forEach((layer, index) => {
        const ofLayer = ({ data: values }: { data: Float32Array }) =>
          values.subarray(index * dModel, (index + 1) * dModel);
        const rows = ofImage.map((position) => row(layer, position));
        const tokens = features.imageTokens!.data.subarray(
          index * rows.length * dModel,
          (index + 1) * rows.length * dModel,
        );
        expect(relativeError(tokens, rows.flat())).toBeLessThan(1e-5);
        expect(relativeError(ofLayer(features.imageMean), meanWithoutSinks(rows))).toBeLessThan(1e-5);
        expect(relativeError(ofLayer(features.lastPosition), row(layer, length - 1))).toBeLessThan(1e-5);
      });
    }
  });

  it('leaves the model as it was: the next trace gives the same numbers, bit for bit', async () => {
    const request = fixtureRequest(name, { generate: 4 });
    const before = await trace(request, {}, models);
    const features = await tap(tapRequest(name, { perToken: false }), {}, models);
    expect([features.visionTokens, features.imageTokens]).toEqual([null, null]);
    const after = await trace(request, {}, models);
    expect(after.cells).toEqual(before.cells);
    expect(after.generated).toEqual(before.generated);
  });
});

it.each([[[]], [[0]], [[1, 99]], [[1.5]]])('refuses the layers %j', async (layers) => {
  await expect(tap(tapRequest('qwen2-vl-tied-f16', { layers }), {}, models)).rejects.toMatchObject({
    code: 'input.invalid',
  });
});
