import { appendFileSync, copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import sharp from 'sharp';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import type { EngineTraceRequest } from '../process/messages.ts';
import type { LensTrace } from '../lens-trace/lens-trace.ts';
import { relativeError } from '../testing/compare-with-reference.ts';
import { ModelCache } from '../stages/model-cache.ts';
import { fixtureRequest, fixturesFolder } from '../testing/reference-fixtures.ts';
import { trace } from '../trace.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'fundus-lens-prefix-'));
const photograph = path.join(fixturesFolder, 'images/photo-301x257.png');
/** Another picture of the same grid, and the photograph again with other bytes. */
const sameGrid = path.join(folder, 'negative.png');
await sharp(photograph).rotate(180).negate().toFile(sameGrid);
const copied = path.join(folder, 'copy.png');
copyFileSync(photograph, copied);
appendFileSync(copied, 'a remark after the end');
const otherGrid = path.join(fixturesFolder, 'images/square-112x112.png');
const broken = path.join(folder, 'broken.png');
writeFileSync(broken, 'not an image');

const open: ModelCache[] = [];
function newCache(options: ConstructorParameters<typeof ModelCache>[0] = {}): ModelCache {
  open.push(new ModelCache(options));
  return open.at(-1)!;
}
afterEach(async () => {
  for (const models of open.splice(0)) await models.close();
});
afterAll(() => rmSync(folder, { recursive: true }));

/** Everything that is a number of the trace, and nothing that is a time. */
function numbersOf({ cells, concepts, positions, generated, gate }: LensTrace) {
  const emergence = concepts.map(({ logProb, rank, emergence: layers }) => ({ logProb, rank, layers }));
  return { cells, emergence, positions, generated, gate };
}

/** One of each family; the others differ in how their files lie. */
const name = 'qwen2-5-vl-untied-f32';
const families = [name, 'qwen2-vl-tied-f16', 'qwen3-vl-untied-f32', 'smolvlm-tied-bf16', 'gemma3-tied-f32'];
const other = 'What do you see here?';
const varied: Partial<EngineTraceRequest>[] = [
  { positions: 'last' },
  { positions: 'image' },
  { positions: 'all' },
  { positions: 'last', generate: 4, traceGenerated: true },
];

describe.each(families)('%s', (fixture) => {
  const request = (changes: Partial<EngineTraceRequest>) =>
    fixtureRequest(fixture, { imagePath: photograph, ...changes });

  it('gives the same numbers, bit for bit, whether the image was traced before or not', async () => {
    const forgetful = newCache({ prefixBytes: 0 });
    const models = newCache();
    await trace(request({ prompt: other, positions: 'all' }), {}, models);
    for (const changes of varied) {
      const alone = await trace(request(changes), {}, forgetful);
      const shared = await trace(request(changes), {}, models);
      expect(alone.timings.reuse).toEqual({ vision: false, prefix: false, batch: 1 });
      expect(shared.timings.reuse).toEqual({ vision: true, prefix: true, batch: 1 });
      expect(numbersOf(shared)).toEqual(numbersOf(alone));
    }
  });

  it('gives the same numbers up to rounding when images go through together', async () => {
    const single = newCache({ prefixBytes: 0 });
    const models = newCache({ batchSize: 3 });
    const order = [photograph, sameGrid, copied];
    for (const [index, imagePath] of order.entries()) {
      const changes = { imagePath, positions: 'all', upcoming: order.slice(index + 1) } as const;
      const alone = await trace(request(changes), {}, single);
      const together = await trace(request(changes), {}, models);
      const isFirst = index === 0;
      expect(together.timings.reuse).toEqual({ vision: !isFirst, prefix: !isFirst, batch: isFirst ? 3 : 1 });
      expect(relativeError(together.cells.entropy, alone.cells.entropy)).toBeLessThan(1e-5);
      expect(relativeError(together.cells.residualNorm, alone.cells.residualNorm)).toBeLessThan(1e-5);
      expect(relativeError(together.cells.topLogProbs, alone.cells.topLogProbs)).toBeLessThan(1e-5);
    }
  });
});

describe('what is remembered', () => {
  const request = (changes: Partial<EngineTraceRequest> = {}) =>
    fixtureRequest(name, { imagePath: photograph, ...changes });
  const reuseOf = async (changes: Partial<EngineTraceRequest>, models: ModelCache) =>
    (await trace(request(changes), {}, models)).timings.reuse;

  it('rows that were not read before are computed with the vision output that is there', async () => {
    const models = newCache();
    await trace(request(), {}, models);
    const list = { positions: [0, 3, 20, 45, 46, 50] };
    expect(await reuseOf(list, models)).toEqual({ vision: true, prefix: false, batch: 1 });
    expect(await reuseOf({ positions: [3, 46] }, models)).toEqual({ vision: true, prefix: true, batch: 1 });
    expect(await reuseOf({ positions: [4, 46] }, models)).toMatchObject({ prefix: false });
    const shared = await trace(request(list), {}, models);
    expect(numbersOf(shared)).toEqual(
      numbersOf(await trace(request(list), {}, newCache({ prefixBytes: 0 }))),
    );
  });

  it('stays within its bytes, and an image that was pushed out is computed again', async () => {
    const roomy = newCache();
    await trace(request(), {}, roomy);
    const room = Math.round(1.5 * roomy.prefixes.bytes);
    const models = newCache({ prefixBytes: room });
    const bytes: number[] = [];
    for (const imagePath of [photograph, sameGrid, copied, photograph]) {
      expect(await reuseOf({ imagePath }, models)).toMatchObject({ prefix: false });
      bytes.push(models.prefixes.bytes);
    }
    expect(Math.max(...bytes)).toBeLessThanOrEqual(room);
    expect(Math.min(...bytes)).toBeGreaterThan(0);
    expect(await reuseOf({}, models)).toMatchObject({ prefix: true });
  });

  it('goes by the content of the image and not by its name, and ends with the model', async () => {
    const models = newCache();
    const file = path.join(folder, 'changing.png');
    copyFileSync(photograph, file);
    await trace(request({ imagePath: file }), {}, models);
    copyFileSync(otherGrid, file);
    const changed = await trace(request({ imagePath: file }), {}, models);
    expect(changed.timings.reuse).toMatchObject({ vision: false, prefix: false });
    expect(changed.image).toEqual((await trace(request({ imagePath: otherGrid }), {}, models)).image);
    await models.close();
    expect(models.prefixes.bytes).toBe(0);
    expect(await reuseOf({ imagePath: otherGrid }, models)).toMatchObject({ prefix: false });
  });

  it('a prompt without an image shares nothing, and says nothing of it', async () => {
    const models = newCache();
    await trace(request(), {}, models);
    expect(await reuseOf({ imagePath: null }, models)).toBeUndefined();
  });

  it('a dump of a remembered image is that of a fresh one', async () => {
    const models = newCache();
    const files = ['first', 'second'].map((part) => path.join(folder, `${part}.safetensors`));
    await trace(request(), {}, models);
    for (const dumpPath of files) await trace(request({ dumpPath }), {}, models);
    expect(readFileSync(files[0]!).equals(readFileSync(files[1]!))).toBe(true);
  });
});

describe('upcoming images', () => {
  const request = (changes: Partial<EngineTraceRequest> = {}) =>
    fixtureRequest(name, { imagePath: photograph, ...changes });

  it('that are broken, gone, of another grid or told twice do not disturb the trace', async () => {
    const models = newCache({ batchSize: 4 });
    const upcoming = [broken, path.join(folder, 'gone.png'), otherGrid, photograph, copied, copied];
    const { timings } = await trace(request({ upcoming }), {}, models);
    expect(timings.reuse).toEqual({ vision: false, prefix: false, batch: 2 });
    const next = await trace(request({ imagePath: copied }), {}, models);
    expect(next.timings.reuse).toEqual({ vision: true, prefix: true, batch: 1 });
    await expect(trace(request({ imagePath: broken }), {}, models)).rejects.toMatchObject({
      code: 'image.unreadable',
    });
  });

  it('are left alone on the cpu by default, and when they have been computed already', async () => {
    const models = newCache();
    const alone = await trace(request({ upcoming: [sameGrid] }), {}, models);
    expect(alone.timings.reuse).toMatchObject({ batch: 1 });
    const batching = newCache({ batchSize: 2 });
    await trace(request({ imagePath: sameGrid }), {}, batching);
    const second = await trace(request({ upcoming: [sameGrid] }), {}, batching);
    expect(second.timings.reuse).toMatchObject({ batch: 1 });
  });

  it('a cancel while they are opened ends the trace as any other', async () => {
    const models = newCache({ batchSize: 2 });
    await trace(request({ imagePath: null }), {}, models);
    const controller = new AbortController();
    const onProgress = ({ stage }: { stage: string }) => stage === 'vision' && controller.abort();
    const cancelled = trace(
      request({ upcoming: [sameGrid] }),
      { signal: controller.signal, onProgress },
      models,
    );
    await expect(cancelled).rejects.toMatchObject({ code: 'engine.cancelled' });
    expect((await trace(request(), {}, models)).timings.reuse).toMatchObject({ prefix: false });
  });
});

describe('control images', () => {
  it('are judged alike one by one, together, and remembered', async () => {
    const request = (prompt: string) =>
      fixtureRequest(name, {
        imagePath: photograph,
        prompt,
        positions: 'all',
        controls: [sameGrid, otherGrid, copied],
      });
    const single = newCache({ prefixBytes: 0 });
    const models = newCache({ batchSize: 2 });
    for (const prompt of ['Describe this image.', other]) {
      const alone = await trace(request(prompt), {}, single);
      const together = await trace(request(prompt), {}, models);
      expect(together.controls).toEqual(alone.controls);
      together.concepts.forEach(({ emergence }, index) => {
        const expected = alone.concepts[index]!.emergence;
        expect(relativeError(emergence.controlLogOdds!, expected.controlLogOdds!)).toBeLessThan(1e-4);
        // Only concepts that a first token tells apart are asked at positions of the image.
        expect(emergence.imageControlLogOdds === null).toBe(expected.imageControlLogOdds === null);
        if (expected.imageControlLogOdds === null) return;
        expect(relativeError(emergence.imageControlLogOdds!, expected.imageControlLogOdds)).toBeLessThan(
          1e-4,
        );
      });
    }
    const known = await trace(fixtureRequest(name, { imagePath: sameGrid }), {}, models);
    expect(known.timings.reuse).toMatchObject({ vision: true, prefix: true });
  });
});
