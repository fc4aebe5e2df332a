import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ShortcutLens } from '../lens-trace/lenses/fitted-lens.ts';
import { ModelCache } from '../stages/model-cache.ts';
import { fixtureRequest, fixturesFolder } from '../testing/reference-fixtures.ts';
import { trace } from '../trace.ts';
import { readSafetensors } from '../weights/safetensors.ts';
import { writeSafetensors } from '../weights/safetensors-writer.ts';
import { applyAffine } from '../fitted-lens/affine-fit.ts';
import { fitShortcut } from './fit-shortcut.ts';
import { readShortcut, writeShortcut, type Shortcut } from '../fitted-lens/shortcut-file.ts';

const checkpoint = 'qwen2-5-vl-untied-f32';
const folder = mkdtempSync(path.join(tmpdir(), 'fundus-lens-shortcut-'));
const file = path.join(folder, 'lens.safetensors');
const models = new ModelCache();
const image = (name: string) => path.join(fixturesFolder, 'images', name);
const request = fixtureRequest(checkpoint, { positions: 'all' });
const label = { name: 'Сетчатка', patients: { fitted: 2, heldOut: 1 } };

let shortcut: Shortcut;
let lens: ShortcutLens;
beforeAll(async () => {
  const { modelDir, provider, prompt } = request;
  const fitted = [image('portrait-140x196.png'), image('landscape-224x112.png'), image('halves-70x126.png')];
  const order = { modelDir, provider, prompt, maxPixels: null, ridge: 0.01, fitted };
  shortcut = await fitShortcut({ ...order, heldOut: [image('square-112x112.png')] }, {}, models);
  lens = await writeShortcut(file, shortcut, label);
}, 120_000);
afterAll(async () => {
  await models.close();
  rmSync(folder, { recursive: true });
});

describe('a trace through a fitted lens', () => {
  test('reads h + A h + b by the logit lens, and at the last layer the model’s own distribution', async () => {
    const plain = await trace(request, {}, models);
    const fitted = await trace({ ...request, lens: { file } }, {}, models);
    expect(fitted).toMatchObject({ lens: 'shortcut', warnings: [{ code: 'fitted-lens' }] });
    expect(fitted.fittedLens).toMatchObject({
      ...label,
      numFitted: 3,
      numHeldOut: 1,
      prompt: request.prompt,
    });
    const perLayer = plain.cells.topLogProbs.length / plain.layers.length;
    expect(fitted.cells.topLogProbs.slice(-perLayer)).toEqual(plain.cells.topLogProbs.slice(-perLayer));
    expect(fitted.cells.topIds.slice(-perLayer)).toEqual(plain.cells.topIds.slice(-perLayer));
    expect(fitted.cells.topLogProbs.slice(0, -perLayer)).not.toEqual(
      plain.cells.topLogProbs.slice(0, -perLayer),
    );
    expect(fitted.cells.residualNorm).toEqual(plain.cells.residualNorm);
    expect(fitted.generated).toEqual(plain.generated);

    // The mean divergence of all positions from the image on is what was measured when it was fitted, on the same image.
    const [start] = plain.prompt.imageSpan!;
    const numPositions = plain.positions.length;
    fitted.layers.forEach((layer) => {
      const own = fitted.cells.klToFinal.slice(layer * numPositions + start, (layer + 1) * numPositions);
      const mean = own.reduce((sum, value) => sum + value, 0) / own.length;
      expect(mean).toBeCloseTo(lens.error.positions.lens[layer]!, 4);
    });
  });

  test('judges concepts and controls through it too, and says what to beware of', async () => {
    const controls = [image('halves-70x126.png'), image('tiny-45x38.png')];
    const order = { ...request, positions: 'last' as const, controls, imagePath: image('halves-70x126.png') };
    const plain = await trace(order, {}, models);
    const fitted = await trace({ ...order, lens: { file }, prompt: 'What is this?' }, {}, models);
    expect(fitted.warnings).toEqual([
      { code: 'fitted-lens', params: { lens: label.name } },
      { code: 'lens-other-prompt', params: { lens: label.name } },
      { code: 'lens-fitted-on-image', params: { lens: label.name } },
    ]);
    const same = await trace({ ...order, lens: { file } }, {}, models);
    const [own, other] = [same, plain].map(({ concepts }) => concepts[0]!);
    expect(own!.words!.logProb.at(-1)).toBe(other!.words!.logProb.at(-1));
    expect(own!.words!.logProb[0]).not.toBe(other!.words!.logProb[0]);
    expect(own!.emergence.controlLogOdds!.at(-1)).toBe(other!.emergence.controlLogOdds!.at(-1));
    expect(own!.emergence.controlLogOdds![0]).not.toBe(other!.emergence.controlLogOdds![0]);
  });

  test('refuses the states of another model', async () => {
    const other = fixtureRequest('qwen2-vl-untied-f32', { lens: { file } });
    await expect(trace(other, {}, models)).rejects.toMatchObject({
      code: 'lens.other-model',
      expected: expect.stringContaining(lens.model.sha256.slice(0, 12)) as string,
    });
  });
});

describe('the file of a fitted lens', () => {
  test('is read as it was written', async () => {
    const read = await readShortcut(file);
    expect(read.lens).toEqual(lens);
    expect(read.maps).toEqual(shortcut.maps);
    const row = Float32Array.from({ length: lens.model.dModel }, (_, at) => at);
    expect(applyAffine(read.maps[0]!, row)).toEqual(applyAffine(shortcut.maps[0]!, row));
  });

  test.each([
    ['cut short', (bytes: Buffer) => bytes.subarray(0, -8)],
    ['of zeros', (bytes: Buffer) => Buffer.alloc(bytes.length)],
    ['empty', () => Buffer.alloc(0)],
    [
      'with a number that is not finite',
      (bytes: Buffer) => Buffer.concat([bytes.subarray(0, -4), Buffer.from([0, 0, 0xc0, 0x7f])]),
    ],
  ])('is refused when it is %s', async (_, damage) => {
    const damaged = path.join(folder, 'damaged.safetensors');
    writeFileSync(damaged, damage(readFileSync(file)));
    await expect(readShortcut(damaged)).rejects.toMatchObject({ code: 'lens.file-damaged' });
  });

  test('is refused with wrong shapes, of another kind and of a later layout', async () => {
    const { metadata } = await readSafetensors(file);
    const { dModel } = lens.model;
    const other = path.join(folder, 'other.safetensors');
    const write = async (shape: number[], change: Record<string, string> = {}) => {
      const tensors = shortcut.maps.flatMap(({ matrix, bias }, layer) => [
        { name: `layers.${layer}.matrix`, dtype: 'F32' as const, shape, parts: [matrix] },
        { name: `layers.${layer}.bias`, dtype: 'F32' as const, shape: [dModel], parts: [bias] },
      ]);
      await writeSafetensors(other, tensors, { ...metadata, ...change });
      return readShortcut(other);
    };
    await expect(write([dModel, dModel])).resolves.toMatchObject({ lens: { name: label.name } });
    await expect(write([dModel * dModel])).rejects.toMatchObject({
      code: 'lens.file-damaged',
      found: expect.stringContaining(`F32 [${dModel * dModel}], not F32 [${dModel}, ${dModel}]`) as string,
    });
    await expect(write([dModel, dModel], { format: 'fundus-lens-decoder' })).rejects.toMatchObject({
      code: 'lens.file-damaged',
      found: 'a file of the kind "fundus-lens-decoder"',
    });
    await expect(write([dModel, dModel], { version: '2' })).rejects.toMatchObject({
      code: 'lens.newer-version',
    });
  });
});
