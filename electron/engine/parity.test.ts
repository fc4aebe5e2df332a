import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { compareWithReference, largestDifference, relativeError } from './testing/compare-with-reference.ts';
import { ModelCache } from './stages/model-cache.ts';
import {
  fixtureNames,
  fixtureRequest,
  fixturesFolder,
  readTensors,
  referenceCases,
} from './testing/reference-fixtures.ts';
import { trace } from './trace.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'fundus-lens-parity-'));
const models = new ModelCache();
afterAll(async () => {
  await models.close();
  rmSync(folder, { recursive: true });
});

describe.each(fixtureNames)('%s on the cpu', (name) => {
  it.each(referenceCases(name))('agrees with transformers: $id', async (reference) => {
    const deviation = await compareWithReference(name, reference, { models, provider: 'cpu', folder });
    expect(deviation).toMatchObject({
      samePositionIds: true,
      sameTokenIds: true,
      wrongOrder: 0,
      sameText: true,
    });
    expect(deviation.pixels).not.toBeGreaterThan(1e-5);
    expect(deviation.imageEmbeds).toBeLessThan(1e-4);
    expect(deviation.residual).toBeLessThan(1e-4);
    expect(deviation.logits).toBeLessThan(1e-4);
    expect(deviation.lens).toBeLessThan(1e-3);
  });
});

describe.each(fixtureNames)('the raw lens on %s', (name) => {
  it('gives what the notebook’s arithmetic gives, the last row from the normed state', async () => {
    const reference = referenceCases(name)[0]!;
    const expected = await readTensors(path.join(fixturesFolder, reference.file));
    const request = fixtureRequest(name, {
      imagePath: path.join(fixturesFolder, reference.image),
      prompt: reference.prompt,
      lens: 'raw',
    });
    const { cells, layers, warnings } = await trace(request, {}, models);
    const rows = layers.length - 1;
    const unNormed = expected.get('raw_top_log_probs')!.data.slice(0, rows * 10);
    expect(largestDifference(cells.topLogProbs.slice(0, rows * 10), unNormed)).toBeLessThan(1e-3);
    const normed = expected.get('raw_notebook_top_log_probs')!.data;
    expect(largestDifference(cells.topLogProbs.slice(rows * 10), normed)).toBeLessThan(1e-3);
    expect([...cells.topIds.slice(rows * 10)]).toEqual(expected.get('raw_notebook_top_ids')!.data);
    expect(warnings).toContainEqual({ code: 'raw-lens' });
  });
});

describe.each(fixtureNames)('generation on %s', (name) => {
  it('continues the trace at the generated positions with the KV cache', async () => {
    const reference = referenceCases(name)[0]!;
    const expected = await readTensors(path.join(fixturesFolder, reference.file));
    const request = fixtureRequest(name, {
      imagePath: path.join(fixturesFolder, reference.image),
      prompt: reference.prompt,
      generate: 8,
      traceGenerated: true,
    });
    const { cells, layers, positions, prompt, generated } = await trace(request, {}, models);
    expect(generated.ids).toEqual(expected.get('generated_ids')!.data);
    expect(positions).toEqual(
      Array.from({ length: generated.ids.length + 1 }, (_, i) => prompt.tokenIds.length - 1 + i),
    );
    const columns = positions.length;
    const generatedCells = layers.flatMap((layer) => [
      ...cells.entropy.slice(layer * columns + 1, (layer + 1) * columns),
    ]);
    expect(relativeError(generatedCells, expected.get('continued_entropy')!.data)).toBeLessThan(1e-4);
    const divergence = layers.flatMap((layer) => [
      ...cells.klToFinal.slice(layer * columns + 1, (layer + 1) * columns),
    ]);
    expect(largestDifference(divergence, expected.get('continued_kl_to_final')!.data)).toBeLessThan(1e-3);
  });
});
