import { readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { EngineTraceRequest } from '../../engine/process/messages.ts';
import { EngineClient } from '../../engine/process/engine-client.ts';
import { builtInConceptSets } from '../../bundled/concept-sets.ts';
import {
  fixtureImage,
  fixtureModel,
  importFolder,
  otherFixtureModel,
  settle,
  WorkbenchFixture,
} from '../workbench-fixture.ts';
import type { Workbench } from '../open-workbench.ts';

const fixture = new WorkbenchFixture();
const prompt = 'Describe this image.';
let workbench: Workbench;
let a: number;
let b: number;
let other: number;

async function trace(model: string, images: number[]): Promise<number[]> {
  const { client } = workbench;
  const { id: modelId } = await client.models.addFolder({ folder: model });
  const order = {
    images: { ids: images },
    modelId,
    prompts: [prompt],
    conceptSetId: 'fundus',
    topK: 5,
    generate: 0,
  };
  const { added } = await client.traces.enqueue(order);
  return (await settle(workbench, added)).map(({ traceId }) => traceId!);
}

beforeAll(async () => {
  workbench = await fixture.open();
  const folder = fixture.source({ 'a.png': 'square-112x112.png', 'b.png': 'tiny-45x38.png' });
  const images = await importFolder(workbench, folder);
  [a, b] = (await trace(fixtureModel, images)) as [number, number];
  [other] = (await trace(otherFixtureModel, images.slice(0, 1))) as [number];
}, 60_000);
afterAll(() => fixture.remove());

/** Probabilities of the last position, from the full logits that the engine itself dumps. */
async function readDistribution(image: string, tokenizerSize: number): Promise<Float64Array> {
  const engine = new EngineClient();
  const dumpPath = path.join(fixture.folder, 'dump.safetensors');
  const request: EngineTraceRequest = {
    modelDir: fixtureModel,
    imagePath: fixtureImage(image),
    prompt,
    lens: 'logit',
    positions: 'last',
    topK: 1,
    conceptSet: builtInConceptSets[0]!,
    provider: 'auto',
    generate: 0,
    traceGenerated: false,
    controls: null,
    dumpPath,
  };
  await engine.trace(request);
  await engine.close();
  const bytes = readFileSync(dumpPath);
  const headerLength = Number(bytes.readBigUInt64LE());
  const header = JSON.parse(bytes.subarray(8, 8 + headerLength).toString()) as {
    logits: { data_offsets: [number, number] };
  };
  const start = 8 + headerLength + header.logits.data_offsets[0];
  const logits = Float64Array.from({ length: tokenizerSize }, (_, id) => bytes.readFloatLE(start + 4 * id));
  const most = Math.max(...logits);
  const sum = logits.reduce((total, logit) => total + Math.exp(logit - most), 0);
  return logits.map((logit) => Math.exp(logit - most) / sum);
}

describe('compare', () => {
  test('exact numbers equal those of the full logits, and lie between the bounds of the stored ones', async () => {
    const { client } = workbench;
    const stored = await client.compare.run({ traceIds: [a, b] });
    const exact = await client.compare.run({ traceIds: [a, b], exact: true });
    const { header } = await client.traces.get({ id: a });
    const p = await readDistribution('square-112x112.png', header.model.tokenizerSize);
    const q = await readDistribution('tiny-45x38.png', header.model.tokenizerSize);
    let js = 0;
    let tv = 0;
    for (let id = 0; id < p.length; id++) {
      const m = (p[id]! + q[id]!) / 2;
      js += 0.5 * p[id]! * Math.log(p[id]! / m) + 0.5 * q[id]! * Math.log(q[id]! / m);
      tv += 0.5 * Math.abs(p[id]! - q[id]!);
    }
    const [pair] = exact.pairs;
    expect(pair).toMatchObject({ exact: true, alignment: 'index', comparable: true });
    expect(pair!.jensenShannon.value.at(-1)).toBeCloseTo(js, 6);
    expect(pair!.totalVariation.value.at(-1)).toBeCloseTo(tv, 6);

    const [bounded] = stored.pairs;
    expect(bounded!.exact).toBe(false);
    expect(bounded!.method).toContain('top-k');
    for (const [row, value] of pair!.jensenShannon.value.entries()) {
      expect(bounded!.jensenShannon.lower[row]).toBeLessThanOrEqual(value + 1e-6);
      expect(bounded!.jensenShannon.upper[row]).toBeGreaterThanOrEqual(value - 1e-6);
    }
    for (const concept of bounded!.concepts) {
      expect(concept.logProbDifference).toHaveLength(header.layers.length);
      const finding = header.concepts.find(({ id }) => id === concept.id)!.finding!;
      const never = finding.state === 'not-readable' ? 'never' : 'not-asked';
      const expected = finding.state === 'readable' ? finding.layer : never;
      expect(concept.emergence[0]).toBe(expected);
    }
    expect(stored.traces[1]!.differs).toEqual(['image']);
  });

  test('every token that tops a layer is listed once, with its layers', async () => {
    const { toppingTokens, traces } = await workbench.client.compare.run({ traceIds: [a, b] });
    const ids = toppingTokens.map(({ tokenId }) => tokenId);
    expect(new Set(ids).size).toBe(ids.length);
    for (const [index, { numLayers }] of traces.entries()) {
      const topped = toppingTokens.flatMap(({ topsLayers }) => topsLayers[index]!).sort((x, y) => x - y);
      expect(topped).toEqual(Array.from({ length: numLayers }, (_, layer) => layer));
    }
    for (const { topsLayers, rank } of toppingTokens) {
      for (const [index, layers] of topsLayers.entries()) {
        for (const layer of layers) expect(rank[index]![layer]).toBe(1);
      }
    }
  });

  test('models: what cannot be compared is left out and said', async () => {
    const { pairs, traces, warnings } = await workbench.client.compare.run({ traceIds: [a, other] });
    expect(traces[1]!.differs).toContain('model');
    const [pair] = pairs;
    if (traces[0]!.numLayers !== traces[1]!.numLayers) {
      expect(pair!.alignment).toBe('relative-depth');
      expect(warnings.join(' ')).toContain('relative depth');
    }
    expect(pair!.concepts.length).toBeGreaterThan(0);
  });

  test('a position that was not traced is refused', async () => {
    await expect(workbench.client.compare.run({ traceIds: [a, b], positions: [0, 0] })).rejects.toMatchObject(
      { data: { code: 'trace.positions' } },
    );
  });
});

test('a group has a mean curve with its interval; one image is no group', async () => {
  const { client } = workbench;
  const { summary, header } = await client.traces.get({ id: a });
  const group = await client.groups.create({ name: 'Группа' });
  await client.groups.addImages({ id: group.id, images: { ids: [summary.imageId!] } });
  const conceptId = header.concepts[0]!.id;
  const order = { groupId: group.id, modelId: summary.modelId, conceptId, samples: 200 };
  await expect(client.groups.statistics(order)).rejects.toMatchObject({ data: { code: 'input.invalid' } });
  await client.groups.addImages({ id: group.id, images: { filter: {} } });
  const statistics = await client.groups.statistics(order);
  expect(await client.groups.statistics(order)).toEqual(statistics);
  const { traceCount, mean, lower, upper } = statistics.group;
  expect(traceCount).toBe(2);
  expect(statistics.group.patientCount).toBe(2);
  expect(mean).toHaveLength(header.layers.length);
  for (const [layer, value] of mean.entries()) {
    expect(lower[layer]).toBeLessThanOrEqual(value + 1e-9);
    expect(upper[layer]).toBeGreaterThanOrEqual(value - 1e-9);
  }
  // Two eyes of one patient are one observation, of which there is no interval.
  const { imageIds } = await client.groups.get({ id: group.id });
  await client.images.update({ ids: imageIds, change: { patient: { code: 'P-1' } } });
  await expect(client.groups.statistics(order)).rejects.toMatchObject({ data: { code: 'input.invalid' } });
});
