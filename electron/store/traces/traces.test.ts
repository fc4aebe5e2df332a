import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { zstdDecompressSync } from 'node:zlib';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { lensTraceToJson } from '../../engine/lens-trace/to-json.ts';
import type { LensTrace } from '../../engine/lens-trace/lens-trace.ts';
import { contentKey } from '../database/canonical-json.ts';
import { openLibrary } from '../library/library.ts';
import type { Library } from '../library/library.ts';
import { addRecords, makeRecord, scratchFolder } from '../testing.ts';

let folder: string;
let library: Library;
let imageId: number;

beforeEach(async () => {
  folder = scratchFolder();
  library = await openLibrary(folder);
  [imageId] = addRecords(library, [makeRecord('a.jpg')]) as [number];
});

afterEach(() => {
  library.close();
  rmSync(folder, { recursive: true });
});

/** N = 2 layers, P = 2 positions, K = 2. */
function makeTrace(change: Partial<LensTrace> = {}): LensTrace {
  const concept = (id: string, layers: (number | null)[]): LensTrace['concepts'][number] => ({
    id,
    label: { en: id, ru: id },
    role: 'target',
    tokens: [],
    logProb: Float32Array.of(-0.1, -2, Number.NEGATIVE_INFINITY, -4),
    rank: Int32Array.of(1, 2, 3, 4),
    emergence: { maxRank: 10, controlLogOdds: null, imageControlLogOdds: null, layers },
  });
  return {
    schema: 'fundus-lens.trace/1',
    model: {
      ...{ id: 'tiny', family: 'qwen2_5_vl', sha256: 'a'.repeat(64), numLayers: 1, dModel: 2, vocabSize: 9 },
      ...{ tokenizerSize: 9, weightDtype: 'float32', provider: 'cpu', providerRequested: 'auto' },
      providerFallback: null,
    },
    image: null,
    prompt: { text: 'Что это?', rendered: 'Что это?', tokenIds: [1], imageSpan: null, leaks: [] },
    lens: 'logit',
    positions: [0, 1],
    layers: [0, 1],
    topK: 2,
    cells: {
      topIds: Int32Array.of(1, 2, 3, 4, 5, 6, 7, 8),
      topLogProbs: Float32Array.of(-0.1, -0.2, -0.3, -0.4, -0.5, -0.6, -0.7, -0.8),
      entropy: Float32Array.of(0.1, 0.2, 0.3, Number.NaN),
      klToFinal: Float32Array.of(1, 2, 0, 0),
      residualNorm: Float32Array.of(5, 6, 7, 8),
    },
    tokenTexts: { 1: 'сетчатка', 2: '\uFFFD' },
    concepts: [concept('retina', [1, 1]), concept('cat', [1, null])],
    controls: [],
    generated: { ids: [1], text: 'сетчатка', ended: true },
    gate: { maxAbsDiff: 1e-6, tolerance: 1e-3 },
    timings: { load: 1, image: 1, vision: 1, decoder: 1, controls: 0, lens: 1, generate: 1, total: 6 },
    software: { name: 'fundus-lens', version: '0.1.0', onnxruntime: '1', node: '24', platform: 'x' },
    warnings: [{ code: 'other', text: 'early layers are hard to read' }],
    ...change,
  };
}

const context = () => ({ imageId, contentKey: contentKey({ a: 1 }), conceptSet: null });

describe('traces', () => {
  it('come back bit for bit, with every field', () => {
    const trace = makeTrace();
    const id = library.traces.insert(trace, context());
    expect(library.traces.get(id)).toEqual(trace);
    expect(lensTraceToJson(library.traces.get(id))).toEqual(lensTraceToJson(trace));
    expect(library.traceArrays.names(id)).toContainEqual({
      ...{ name: 'cells.topIds', dtype: 'int32', shape: [2, 2, 2], byteLength: 32 },
    });
    expect(library.traces.summary(id)).toMatchObject({ modelName: 'tiny', promptText: 'Что это?', imageId });
  });

  it('are stored once per content key, counted on the image, searchable and filterable', () => {
    const id = library.traces.insert(makeTrace(), context());
    expect(library.traces.insert(makeTrace(), context())).toBe(id);
    const { modelId } = library.traces.summary(id);
    const count = (filter: Parameters<Library['search']['count']>[0]['filter']) =>
      library.search.count({ filter: filter! });
    expect(library.images.get(imageId).traceCount).toBe(1);
    expect(count({ text: 'сетчат' })).toBe(1);
    expect(count({ traced: { is: true, modelId } })).toBe(1);
    expect(count({ traced: { is: false, modelId } })).toBe(0);
    expect(count({ traced: { is: true, modelId: modelId + 1 } })).toBe(0);
    expect(count({ emergence: { conceptId: 'retina', from: 1, to: 1, modelId } })).toBe(1);
    expect(count({ emergence: { conceptId: 'retina', from: 2 } })).toBe(0);
    expect(count({ emergence: { conceptId: 'cat' } })).toBe(0);
    expect(count({ emergence: { conceptId: 'cat', never: true } })).toBe(1);
    library.traces.remove(id);
    expect(library.images.get(imageId).traceCount).toBe(0);
    expect(count({ text: 'сетчат' })).toBe(0);
  });

  it('lie compressed against what they share, and older ones are brought up to that', () => {
    const tokens = Array.from({ length: 300 }, (_, id) => ({
      ...{ id, text: `слово ${id}`, forms: [`слово ${id}`], fragment: true },
      sharedWith: [],
    }));
    const withTokens = (change: Partial<LensTrace> = {}) => {
      const trace = makeTrace(change);
      return { ...trace, concepts: trace.concepts.map((concept) => ({ ...concept, tokens })) };
    };
    const first = withTokens();
    const second = withTokens({ generated: { ids: [1], text: 'Тайна', ended: true } });
    const ids = [first, second].map((trace, n) =>
      library.traces.insert(trace, { ...context(), contentKey: contentKey({ n }) }),
    );
    const file = new Database(library.paths.database);
    const stored = () =>
      file.prepare('SELECT id, document, length(documentBytes) AS bytes FROM traces ORDER BY id').all() as {
        id: number;
        document: string;
        bytes: number | null;
      }[];
    const dictionaries = () =>
      file.prepare('SELECT data FROM trace_dictionaries').all() as { data: Buffer }[];
    const whole = JSON.stringify(lensTraceToJson(second)).length;
    expect(stored()[1]!.bytes!).toBeLessThan(whole / 10);
    expect(dictionaries()).toHaveLength(1);
    expect(zstdDecompressSync(dictionaries()[0]!.data).toString()).not.toContain('сетчатка');
    // As a library of an older program holds it.
    const document = JSON.stringify({ ...lensTraceToJson(second), cells: second.cells });
    file
      .prepare('UPDATE traces SET document = ?, documentBytes = NULL, dictionaryId = NULL WHERE id = ?')
      .run(document, ids[1]);
    const before = library.traces.get(ids[1]!);
    expect(library.traces.compactSome(10)).toBe(1);
    expect(library.traces.compactSome(10)).toBe(0);
    expect(stored()[1]).toMatchObject({ document: '' });
    expect(library.traces.get(ids[1]!)).toEqual(before);
    expect(library.traces.get(ids[0]!)).toEqual(first);
    for (const id of ids) library.traces.remove(id);
    expect(dictionaries()).toEqual([]);
    file.close();
  });

  it('keep large arrays in compressed files named by content, and notice when one changes', async () => {
    const array = Float32Array.from({ length: 2_000_000 }, (_, i) => Math.sin(i));
    const hidden = { name: 'hidden', dtype: 'float32', shape: [2, 1_000_000], array } as const;
    const id = library.traces.insert(makeTrace(), { ...context(), extraArrays: [hidden] });
    expect(library.traceArrays.get(id, 'hidden')).toEqual(hidden);
    const small = { ...hidden, name: 'small', shape: [1000], array: array.slice(0, 1000) } as const;
    const other = library.traces.insert(makeTrace({ lens: 'raw' }), {
      ...context(),
      contentKey: contentKey({ n: 'small' }),
      extraArrays: [small],
    });
    expect(library.traceArrays.get(other, 'small')).toEqual(small);
    expect(library.traceArrays.names(other)).toContainEqual(
      expect.objectContaining({ name: 'small', byteLength: 4000 }),
    );
    const verdict = await library.verify();
    expect(verdict.missingFiles).toEqual(['/photos/a.jpg']);
    const [name] = await import('node:fs/promises').then((fs) =>
      fs
        .readdir(library.paths.arrays, { recursive: true })
        .then((all) => all.filter((entry) => entry.endsWith('.zst'))),
    );
    const file = path.join(library.paths.arrays, name!);
    const bytes = readFileSync(file);
    bytes[bytes.length >> 1]! ^= 1;
    writeFileSync(file, bytes);
    expect(() => library.traceArrays.get(id, 'hidden')).toThrow(
      expect.objectContaining({ code: 'library.damaged' }),
    );
  });
});

describe('jobs', () => {
  const job = (n: number, change = {}) => ({
    ...{
      kind: 'trace',
      contentKey: contentKey({ n }),
      request: { n },
      imageId: null,
      modelKey: n % 2 ? 'odd' : 'even',
    },
    ...change,
  });

  it('run by priority, then by the warm model, and once per content', () => {
    const { queue: jobs } = library;
    expect(jobs.enqueue([job(0), job(1), job(2), job(3, { priority: 5 }), job(0)])).toMatchObject({
      ...{ added: [1, 2, 3, 4], existing: [1] },
    });
    expect(jobs.next('odd', 9).map(({ id }) => id)).toEqual([4, 2]);
    expect(jobs.next('even', 1).map(({ id }) => id)).toEqual([1]);
    const order = [1, 2, 3, 4].map(() => jobs.claim({ worker: 'w', modelKey: 'odd' })!.id);
    expect(order).toEqual([4, 2, 1, 3]);
    expect(jobs.claim({ worker: 'w' })).toBeUndefined();
    expect(jobs.next('odd', 9)).toEqual([]);
  });

  it('finish with their trace or not at all, and are never redone', () => {
    const { queue: jobs, traces } = library;
    jobs.enqueue([job(1)]);
    const { id } = jobs.claim({ worker: 'a' })!;
    const store = () =>
      traces.insert(makeTrace(), { imageId: null, contentKey: contentKey({ n: 1 }), conceptSet: null });
    expect(jobs.finish(id, 'b', store)).toBe(false);
    expect(() =>
      jobs.finish(id, 'a', () => {
        store();
        throw new Error('disk');
      }),
    ).toThrow('disk');
    expect(traces.count()).toBe(0);
    expect(jobs.finish(id, 'a', store)).toBe(true);
    expect(jobs.get(id)).toMatchObject({ state: 'done', traceId: 1, worker: null });
    expect(jobs.enqueue([job(1)]).existing).toEqual([id]);
    traces.remove(1);
    expect(jobs.enqueue([job(1)]).requeued).toEqual([id]);
  });

  it('are retried with a limit, paused, cancelled and recovered', () => {
    const { queue: jobs } = library;
    const error = { code: 'engine.killed', summary: 'gone' } as const;
    jobs.enqueue([job(1, { maxAttempts: 2 }), job(2), job(3)]);
    expect(jobs.claim({ worker: 'a' })!.id).toBe(1);
    jobs.fail(1, 'a', error);
    expect(jobs.get(1).state).toBe('queued');
    jobs.claim({ worker: 'a' });
    expect(jobs.recover((worker) => worker !== 'a')).toEqual([1]);
    expect(jobs.get(1)).toMatchObject({ state: 'failed', attempts: 2, problem: { code: 'engine.killed' } });
    expect(jobs.retry([1])).toBe(1);
    expect(jobs.pause([1, 2])).toBe(2);
    expect(jobs.claim({ worker: 'a' })!.id).toBe(3);
    expect(jobs.cancel([3])).toBe(1);
    expect(jobs.renew(3, 'a')).toBe(false);
    expect(jobs.finish(3, 'a', () => null)).toBe(false);
    expect(jobs.resume([1])).toBe(1);
    jobs.setQueuePaused(true);
    expect(jobs.claim({ worker: 'a' })).toBeUndefined();
    jobs.setQueuePaused(false);
    expect(jobs.claim({ worker: 'a' })!.id).toBe(1);
    expect(jobs.release(1, 'a')).toBe(true);
    expect(jobs.counts()).toMatchObject({
      queued: 1,
      paused: 1,
      cancelled: 1,
      running: 0,
      millisecondsLeft: null,
    });
  });
});
