import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { AnimationOrder } from '../../../contract/exports.ts';
import { fixtureModel, importFolder, settle, WorkbenchFixture } from '../../workbench-fixture.ts';
import type { Workbench } from '../../open-workbench.ts';
import { readZip } from '../read-zip.test-data.ts';

const fixture = new WorkbenchFixture();
let workbench: Workbench;
let traceId: number;
let numFrames: number;

beforeAll(async () => {
  workbench = await fixture.open();
  const { client } = workbench;
  const ids = await importFolder(workbench, fixture.source({ 'a_OD.png': 'square-112x112.png' }));
  const { id: modelId } = await client.models.addFolder({ folder: fixtureModel });
  const order = { images: { ids }, modelId, prompts: ['Describe.'], conceptSetId: 'fundus' };
  const { added } = await client.traces.enqueue({ ...order, topK: 4, generate: 0, positions: 'all' });
  traceId = (await settle(workbench, added))[0]!.traceId!;
  numFrames = (await client.traces.get({ id: traceId })).summary.numLayers;
}, 60_000);
afterAll(() => fixture.remove());

async function make(order: Omit<AnimationOrder, 'traceId'>): Promise<Buffer> {
  const { file } = await workbench.client.exports.animation({ traceId, width: 320, ...order });
  return Buffer.from(await file!.arrayBuffer());
}

test('a GIF holds a frame for each layer at the speed asked for; the last one stays', async () => {
  const bytes = await make({ format: 'gif', layersPerSecond: 5, language: 'ru' });
  expect(bytes.subarray(0, 6).toString()).toBe('GIF89a');
  const { format, pages, delay, loop, width, pageHeight } = await sharp(bytes, { pages: -1 }).metadata();
  expect({ format, pages, loop, width }).toEqual({
    format: 'gif',
    pages: numFrames,
    loop: 0,
    width: 320,
  });
  expect(delay).toEqual([...Array.from({ length: numFrames - 1 }, () => 200), 2000]);
  // Below the photograph, which is square, stand layer, words, subject, colours and notes.
  expect(pageHeight).toBeGreaterThan(320 + 60);
});

test('frames differ where the trace does: the overlay on the photograph, and the words below it', async () => {
  const film = await make({ format: 'webp' });
  const { pageHeight } = await sharp(film, { pages: -1 }).metadata();
  const region = async (page: number, top: number, height: number) =>
    sharp(film, { page }).extract({ left: 0, top, width: 320, height }).removeAlpha().raw().toBuffer();
  const last = await region(numFrames - 1, 0, 320);
  expect(last.equals(await region(0, 0, 320))).toBe(false);
  expect(
    (await region(numFrames - 1, 320, pageHeight! - 320)).equals(await region(0, 320, pageHeight! - 320)),
  ).toBe(false);
  const plain = await make({ format: 'webp', overlay: 'off' });
  const [first, second] = await Promise.all(
    [0, 1].map((page) =>
      sharp(plain, { page })
        .extract({ left: 0, top: 0, width: 320, height: 310 })
        .removeAlpha()
        .raw()
        .toBuffer(),
    ),
  );
  expect(meanDifference(first!, second!)).toBeLessThan(1);
  expect(meanDifference(last, first!)).toBeGreaterThan(10);
});

test('a sequence of PNG files says which picture is which layer', async () => {
  const entries = await readZip(await make({ format: 'png', layersPerSecond: 2 }));
  const list = JSON.parse(entries.get('frames.json')!.toString()) as {
    file: string;
    layer: number;
    milliseconds: number;
  }[];
  expect(list).toHaveLength(numFrames);
  expect(list[1]).toEqual({ file: 'layer-001.png', layer: 1, milliseconds: 500 });
  expect(entries.size).toBe(list.length + 1);
  for (const { file } of list)
    expect(await sharp(entries.get(file)).metadata()).toMatchObject({ format: 'png', width: 320 });
});

test('what is given up leaves nothing; what cannot be shown is refused', async () => {
  const folder = fixture.source({});
  const out = path.join(folder, 'film.zip');
  const control = new AbortController();
  const order = { traceId, format: 'png', target: { to: 'file', path: out } } as const;
  const making = workbench.client.exports.animation(order, { signal: control.signal });
  setTimeout(() => control.abort(), 60);
  await expect(making).rejects.toThrow();
  await expect.poll(() => readdirSync(folder), { timeout: 5000 }).toEqual([]);
  expect(existsSync(out)).toBe(false);
  await expect(make({ format: 'gif', conceptId: 'no-such-thing' })).rejects.toThrow(/no such concept/);
  await expect(make({ format: 'gif', position: 9999 })).rejects.toThrow(/not traced/);
});

function meanDifference(a: Buffer, b: Buffer): number {
  let sum = 0;
  const length = Math.min(a.length, b.length);
  for (let index = 0; index < length; index++) sum += Math.abs(a[index]! - b[index]!);
  return sum / length;
}
