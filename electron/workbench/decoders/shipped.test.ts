import { afterAll, beforeAll, expect, test } from 'vitest';
import path from 'node:path';
import type { DecoderSummary } from '../../contract/protocols/decoders.ts';
import { bundled } from '../folders.ts';
import { WorkbenchFixture } from '../workbench-fixture.ts';
import type { Workbench } from '../open-workbench.ts';

const fixture = new WorkbenchFixture();
let workbench: Workbench;
let decoder: DecoderSummary;

beforeAll(async () => {
  workbench = await fixture.open({ demoModelFolder: bundled.demoModel });
  await workbench.ready;
  decoder = (await workbench.client.decoders.list())[0]!;
}, 60_000);
afterAll(() => fixture.remove());

test('the decoder that comes with the software is fitted on the model that comes with it', () => {
  // Where this fails, the model was replaced: node scripts/fit-shipped-decoder.ts FUNDUS
  expect(decoder).toMatchObject({ source: 'shipped', modelId: expect.any(Number) as number });
  expect(decoder.layers).toEqual(Array.from({ length: 13 }, (_, layer) => layer));
});

test('its scores stand above shuffled labels, and what could not be learnt is named', () => {
  const score = (id: string) => decoder.fields.find(({ field }) => field === id)!;
  for (const id of ['header.eye', 'derived.referable']) {
    const { score: own, shuffled } = score(id);
    expect(own.low!, id).toBeGreaterThan(shuffled.high!);
  }
  expect(score('derived.referable').score.value!).toBeGreaterThan(0.8);
  expect(score('header.eye').score.value!).toBeGreaterThan(0.9);
  expect(decoder.refused.map(({ problem }) => problem.code)).not.toContain('internal');
  expect(decoder.note.ru).toContain('не медицинское изделие');
});

test('a sample is read into a protocol in the first minute; it stays, and cannot be removed', async () => {
  const { client, imports } = workbench;
  const { importId } = await client.imports.start({ paths: [path.join(bundled.samples, 'IDRID-170')] });
  await imports.wait(importId);
  const [imageId] = (await client.images.ids({ query: {} })) as [number];
  const decoded = await client.decoders.apply({ decoderId: decoder.id, imageId });
  expect(decoded.layers).toHaveLength(13);
  expect(decoded.inTraining).toBe(false);
  for (const { protocol, text } of [decoded.chosen, ...decoded.layers]) {
    expect(Object.values(protocol.values).every(({ source }) => source === 'decoder')).toBe(true);
    expect(text.en.length).toBeGreaterThan(20);
    expect(text.ru).toMatch(/не оценива/);
  }
  const assessed = decoded.chosen.fields.filter(({ status }) => status === 'assessed');
  expect(assessed.length).toBeGreaterThan(0);
  await expect(client.decoders.remove({ id: decoder.id })).rejects.toMatchObject({
    data: { code: 'input.invalid' },
  });
});
