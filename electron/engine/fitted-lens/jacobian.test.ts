import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { ModelCache } from '../stages/model-cache.ts';
import { fixtureRequest, fixturesFolder, readTensors } from '../testing/reference-fixtures.ts';
import { trace } from '../trace.ts';
import { describeLens } from './describe-lens.ts';
import { readLensFile } from './open-lens.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'fundus-lens-jacobian-'));
const fixture = (name: string) => path.join(fixturesFolder, 'jacobian', name);
const models = new ModelCache();
afterAll(async () => {
  await models.close();
  rmSync(folder, { recursive: true });
});

const checkpoint = 'qwen2-5-vl-untied-f32';
const ofFixture = async () => (await readLensFile(fixture('lens.safetensors'))).lens;
const copy = (name: string, bytes?: Buffer) => {
  const file = path.join(folder, name);
  if (bytes === undefined) copyFileSync(fixture(name), file);
  else writeFileSync(file, bytes);
  return file;
};

/** Largest differences from autograd's products and largest of these, by layer. */
async function compareProducts(file: string) {
  const { lens, map } = await readLensFile(file);
  const tensors = await readTensors(fixture('products.safetensors'));
  const { numLayers, dModel } = lens.model;
  const [rows, products] = ['rows', 'products'].map((name) => {
    const all = Float32Array.from(tensors.get(name)!.data);
    const perLayer = all.length / numLayers;
    return Array.from({ length: numLayers }, (_, l) => all.subarray(l * perLayer, (l + 1) * perLayer));
  }) as [Float32Array[], Float32Array[]];
  expect(rows[0]!.length % dModel).toBe(0);
  return rows.map((states, layer) => {
    const mapped = map(layer, states);
    return {
      own: mapped === states,
      largest: Math.max(...products[layer]!.map(Math.abs)),
      difference: Math.max(...mapped.map((value, at) => Math.abs(value - products[layer]![at]!))),
    };
  });
}

describe('a Jacobian lens', () => {
  test('multiplies a state as autograd’s forward mode does', async () => {
    const layers = await compareProducts(fixture('lens.safetensors'));
    expect(layers).toHaveLength(4);
    for (const { difference, largest } of layers) {
      expect(largest).toBeGreaterThan(0.1);
      expect(difference).toBeLessThan(1e-5);
    }
  });

  test('of the public format becomes one of ours, for the model that is named', async () => {
    const { model } = await ofFixture();
    const file = copy('lens.pt');
    const lens = await describeLens({ file, name: 'Якоби.pt', model });
    expect(lens).toMatchObject({
      ...{ kind: 'jacobian', name: 'Якоби', model, prompt: null, error: null, numPrompts: 2 },
      layers: [1, 2, 3],
      origin: { format: 'jlens', sha256: '0d3ce75300c079937ef7c8a4937b884da1206e07b62ace139305719819e0867a' },
    });
    const [first, ...others] = await compareProducts(file);
    expect(first!.own).toBe(true);
    // The public format keeps float16, 11 significant bits.
    for (const { difference, largest } of others) expect(difference).toBeLessThan(4e-3 * largest);
  });

  test('is read by the logit lens of J h, and at the last layer is the model’s own distribution', async () => {
    const request = fixtureRequest(checkpoint, { positions: 'all' });
    const plain = await trace(request, {}, models);
    const read = await trace({ ...request, lens: { file: fixture('lens.safetensors') } }, {}, models);
    expect(read).toMatchObject({ lens: 'jacobian', fittedLens: { name: 'Якоби', numFitted: 2 } });
    expect(read.warnings.map(({ code }) => code)).toContain('jacobian-lens');
    const perLayer = plain.cells.topLogProbs.length / plain.layers.length;
    const layerOf = (cells: Float32Array, layer: number) =>
      cells.slice(layer * perLayer, (layer + 1) * perLayer);
    const last = plain.layers.length - 1;
    expect(layerOf(read.cells.topLogProbs, last)).toEqual(layerOf(plain.cells.topLogProbs, last));
    expect(layerOf(read.cells.topLogProbs, 1)).not.toEqual(layerOf(plain.cells.topLogProbs, 1));
    expect(read.generated).toEqual(plain.generated);

    const { model } = await ofFixture();
    const file = copy('lens.pt');
    await describeLens({ file, name: 'lens.pt', model });
    const partial = await trace({ ...request, lens: { file } }, {}, models);
    expect(layerOf(partial.cells.topLogProbs, 0)).toEqual(layerOf(plain.cells.topLogProbs, 0));
    expect(partial.warnings).toContainEqual({
      code: 'lens-layers-missing',
      params: { lens: 'lens', layers: [0] },
    });
  }, 120_000);

  test('of the public format is refused without a model, for another one, and when it is damaged', async () => {
    const { model } = await ofFixture();
    const bytes = readFileSync(fixture('lens.pt'));
    const take = (name: string, content: Buffer, to: typeof model | null = model) =>
      describeLens({ file: copy(name, content), name, model: to });
    await expect(take('a.pt', bytes, null)).rejects.toMatchObject({ code: 'input.invalid' });
    await expect(take('b.pt', bytes, { ...model, dModel: 64 })).rejects.toMatchObject({
      code: 'lens.other-model',
      found: '[48, 48], blocks up to 2',
    });
    await expect(take('c.pt', bytes, { ...model, numLayers: 3 })).rejects.toMatchObject({
      code: 'lens.other-model',
    });
    await expect(take('d.pt', bytes.subarray(0, -200))).rejects.toMatchObject({ code: 'lens.file-damaged' });
    // The name of the function that a tensor is made with, of the same length.
    const call = Buffer.from(bytes);
    call.write('os\nsystem\n' + 'q\x00'.repeat(12), call.indexOf('torch._utils\n_rebuild_tensor_v2'));
    await expect(take('e.pt', call)).rejects.toMatchObject({
      code: 'lens.file-damaged',
      found: 'a call of "os system"',
    });
  });
});
