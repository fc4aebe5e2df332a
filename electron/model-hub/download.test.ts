import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { fetchModel, offerModel } from './fetch-model.ts';
import type { FetchPhase } from './fetch-model.ts';
import { HubClient } from './hub/hub-client.ts';
import type { HubClientOptions } from './hub/hub-client.ts';
import { openHubSource } from './hub/hub-source.ts';
import { ModelStore, nameOfOrigin } from './model-store.ts';
import type { InstalledModel } from './model-store.ts';
import type { FetchRules } from './patience.ts';
import { startInspector } from './testing/engine-inspector.ts';
import { LoopbackHub, commit, repository } from './testing/loopback-hub.ts';

const checkpoint = fileURLToPath(
  new URL('../../data/fixtures/checkpoints/qwen2-5-vl-tied-bf16', import.meta.url),
);
const scratch = mkdtempSync(path.join(tmpdir(), 'fundus-lens модели '));
const inspector = startInspector();
const weightsFile = 'model.safetensors';
const isWeights = ({ file }: { file: string }) => file === weightsFile;
/** The body of the weights, not the beginning that is read for the header. */
const isBody = (request: { file: string; range: string | null }) =>
  isWeights(request) && !/^bytes=0-/.test(request.range ?? 'all');
let hub: LoopbackHub;
let store: ModelStore;

beforeAll(async () => {
  hub = await LoopbackHub.start(checkpoint);
});
beforeEach(() => {
  hub.reset();
  store = new ModelStore(mkdtempSync(path.join(scratch, 'Склад ')));
});
afterEach(() => rmSync(store.folder, { recursive: true, force: true }));
afterAll(async () => {
  await hub.close();
  await inspector.close();
  rmSync(scratch, { recursive: true, force: true });
});

/** No second try, so that every failure is seen. */
const strict: FetchRules = { attempts: 1, pauseMilliseconds: 1, longestWait: 1000 };
const patient: FetchRules = { attempts: 3, pauseMilliseconds: 1, longestWait: 1000 };
const never = new AbortController().signal;

function open(options: Partial<HubClientOptions> = {}, revision = 'main', name = repository) {
  const client = new HubClient({ endpoint: hub.endpoint, stallMilliseconds: 2000, ...options });
  return openHubSource(client, { repository: name, revision }, never);
}

interface Download {
  readonly rules?: FetchRules;
  readonly client?: Partial<HubClientOptions>;
  readonly signal?: AbortSignal;
  readonly onProgress?: (phase: FetchPhase, done: number, total: number) => void;
}

async function download({ rules = strict, client = {}, signal = never, onProgress }: Download = {}) {
  const source = await open(client);
  const name = nameOfOrigin(source.origin);
  const folder = store.partialOf(name).path;
  const report = await fetchModel(
    source,
    folder,
    { inspector, rules },
    { signal, ...(onProgress === undefined ? {} : { onProgress }) },
  );
  return store.activate(folder, name, { name: repository, origin: source.origin, report });
}

function expectWhole(model: InstalledModel): void {
  expect(hashOf(path.join(model.folder, weightsFile))).toBe(hub.sha256Of(weightsFile));
  expect(model.report.files.find(({ name }) => name === weightsFile)?.sha256).toBe(hub.sha256Of(weightsFile));
  expect(readdirSync(store.folder)).toEqual([path.basename(model.folder)]);
}

function hashOf(file: string): string {
  return createHash('sha256').update(readFileSync(file)).digest('hex');
}

/** What a failed download leaves: nothing that is listed. */
async function expectNothingInstalled(): Promise<void> {
  expect(await store.list()).toEqual([]);
}

function partBytes(): number {
  const [partial] = readdirSync(store.folder).filter((name) => name.endsWith('.partial'));
  const part = path.join(store.folder, partial!, `${weightsFile}.part`);
  return existsSync(part) ? readFileSync(part).length : 0;
}

describe('a download that goes well', () => {
  test('is installed with the hashes of the hub, at the commit that the revision meant', async () => {
    const phases = new Set<FetchPhase>();
    const model = await download({ onProgress: (phase) => phases.add(phase) });
    expectWhole(model);
    expect([...phases]).toEqual(['headers', 'fetch', 'hash']);
    expect(await store.list()).toEqual([model]);
    expect(model.origin).toEqual({
      kind: 'hub',
      endpoint: hub.endpoint,
      repository,
      revision: 'main',
      commit,
    });
    expect(readdirSync(model.folder)).not.toContain('.gitattributes');
  });

  test('is offered first, with what it needs and what there is, without its weights', async () => {
    const offer = await offerModel(await open(), store, { inspector, rules: strict }, never);
    const bytes = offer.files.reduce((sum, file) => sum + file.bytes, 0);
    expect(offer).toMatchObject({ name: repository, family: 'qwen2_5_vl', neededBytes: bytes });
    expect(offer.estimates.map(({ format }) => format)).toEqual(['as-stored', 'float16', 'int8', 'int4']);
    expect(offer.room.diskBytes).toBeGreaterThan(0);
    expect(offer.room.memoryFreeBytes).toBeLessThanOrEqual(offer.room.memoryTotalBytes);
    expect(readdirSync(store.folder)).toEqual([]);
    const read = hub.seen.filter(isWeights);
    expect(read.length).toBe(2);
    expect(read.every(({ range }) => range?.startsWith('bytes=0-') === true)).toBe(true);
  });

  test('asks the hub and where it sends us, and gives the token to the hub alone', async () => {
    hub.token = 'hf_secret';
    expectWhole(await download({ client: { token: 'hf_secret' } }));
    const own = new URL(hub.endpoint).host;
    expect(
      new Set(hub.seen.filter(({ authorization }) => authorization !== null).map(({ host }) => host)),
    ).toEqual(new Set([own]));
    expect(hub.seen.some(({ host }) => host !== own)).toBe(true);
  });
});

describe('a connection that is cut', () => {
  for (const percent of [0, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100]) {
    test(`after ${percent} % goes on where it stopped, to the same hash`, async () => {
      const cutAfter = Math.floor((hub.weights.length * percent) / 100);
      let whole = 0;
      hub.faults.push({
        // The header is read first; the second request is for the file itself.
        when: (request) => isWeights(request) && request.host.startsWith('localhost') && whole++ === 1,
        cutAfter,
      });
      if (percent < 100) {
        await expect(download()).rejects.toMatchObject({ code: 'hub.unreachable' });
        await expectNothingInstalled();
        expect(partBytes()).toBeLessThanOrEqual(cutAfter);
        expect(partBytes()).toBeGreaterThanOrEqual(cutAfter - 2 * 65_536);
      }
      const kept = percent < 100 ? partBytes() : 0;
      hub.seen.length = 0;
      hub.faults.length = 0;
      expectWhole(await download());
      if (kept > 0) expect(hub.seen.filter(isBody)[0]!.range).toBe(`bytes=${kept}-${hub.weights.length - 1}`);
    });
  }

  test('is taken up by itself, again and again, as long as something arrives', async () => {
    const cutAfter = Math.ceil(hub.weights.length / 10);
    hub.faults.push({ when: isBody, cutAfter, times: 20 }, { when: isWeights, cutAfter, times: 2 });
    expectWhole(await download({ rules: patient }));
  });

  test('is taken up even by a hub that knows no ranges', async () => {
    hub.faults.push(
      { when: (request) => isWeights(request) && request.range === null, cutAfter: 100_000, times: 2 },
      { when: isBody, ignoresRange: true, times: 5 },
    );
    expectWhole(await download({ rules: patient }));
  });
});

describe('a download that must not become a model', () => {
  test('wrong hash: thrown away, tried once more, then told', async () => {
    hub.faults.push({ when: isWeights, flipByte: hub.weights.length - 5, times: 99 });
    await expect(download()).rejects.toMatchObject({
      code: 'model.hash-mismatch',
      expected: `SHA-256 ${hub.sha256Of(weightsFile)}`,
    });
    await expectNothingInstalled();
    expect(partBytes()).toBe(0);
    hub.reset();
    expectWhole(await download());
  });

  test('a bit that flips once is fetched anew', async () => {
    let requests = 0;
    hub.faults.push({
      when: (request) => isWeights(request) && request.host.startsWith('localhost') && requests++ === 1,
      flipByte: 70_000,
    });
    expectWhole(await download());
  });

  test('a bit that flips in a small file, by the hash of git', async () => {
    hub.faults.push({ when: ({ file }) => file === 'config.json', flipByte: 20, times: 99 });
    await expect(download()).rejects.toMatchObject({ code: 'model.hash-mismatch' });
    await expectNothingInstalled();
  });

  test('a bit that flips on the disk between two tries', async () => {
    hub.faults.push(
      { when: isBody, cutAfter: 0, times: 99 },
      { when: isWeights, cutAfter: 400_000, times: 99 },
    );
    await expect(download({ rules: patient })).rejects.toMatchObject({ code: 'hub.unreachable' });
    const [partial] = readdirSync(store.folder);
    const part = path.join(store.folder, partial!, `${weightsFile}.part`);
    const bytes = readFileSync(part);
    bytes[1000]! ^= 4;
    writeFileSync(part, bytes);
    hub.reset();
    expectWhole(await download());
  });

  test('a part that is longer than the file', async () => {
    await download();
    const [name] = readdirSync(store.folder);
    rmSync(path.join(store.folder, name!), { recursive: true });
    const folder = store.partialOf(nameOfOrigin((await open()).origin)).path;
    mkdirSync(folder, { recursive: true });
    writeFileSync(path.join(folder, `${weightsFile}.part`), Buffer.alloc(hub.weights.length + 7));
    expectWhole(await download());
  });

  test('a web page instead of the file, or of the description', async () => {
    const page = {
      status: 200,
      headers: { 'content-type': 'text/html' },
      body: '<!DOCTYPE html><p>Log in</p>',
    };
    for (const when of [isWeights, ({ file }: { file: string }) => file === 'config.json']) {
      hub.faults.push({ when, ...page, times: 99 });
      await expect(download()).rejects.toMatchObject({
        code: 'hub.wrong-content',
        found: expect.stringContaining('web page') as string,
      });
      hub.reset();
      rmSync(store.folder, { recursive: true });
    }
    hub.faults.push({ when: ({ file }) => file === 'api', ...page });
    await expect(download()).rejects.toMatchObject({ code: 'hub.wrong-content' });
    await expectNothingInstalled();
  });

  test('no such model, revision or file', async () => {
    await expect(open({}, 'main', 'someone/else')).rejects.toMatchObject({ code: 'hub.not-found' });
    await expect(open({}, 'v9')).rejects.toMatchObject({
      code: 'hub.not-found',
      found: expect.stringContaining('this revision') as string,
    });
    hub.faults.push({
      when: isWeights,
      status: 404,
      headers: { 'x-error-code': 'EntryNotFound' },
      times: 99,
    });
    await expect(download()).rejects.toMatchObject({ code: 'hub.not-found' });
    await expectNothingInstalled();
  });

  test('too many requests: waits as long as the hub asks, or says when', async () => {
    hub.faults.push({ when: isWeights, status: 429, headers: { 'retry-after': '0.2' }, times: 2 });
    const phases: FetchPhase[] = [];
    const began = performance.now();
    expectWhole(await download({ rules: patient, onProgress: (phase) => phases.push(phase) }));
    expect(performance.now() - began).toBeGreaterThan(400);
    expect(phases).toContain('waiting');
    hub.reset();
    rmSync(store.folder, { recursive: true });
    hub.faults.push({
      when: ({ file }) => file === 'config.json',
      status: 429,
      headers: { 'retry-after': '3600' },
      times: 9,
    });
    await expect(download({ rules: patient })).rejects.toMatchObject({
      code: 'hub.rate-limited',
      found: expect.stringContaining('again in 3600 s') as string,
    });
    await expectNothingInstalled();
  });

  test('a server that stalls is given up, and what it sent is kept', async () => {
    let requests = 0;
    hub.faults.push({
      when: (request) => isWeights(request) && request.host.startsWith('localhost') && requests++ > 0,
      stallAfter: 300_000,
      times: 99,
    });
    await expect(download({ client: { stallMilliseconds: 300 } })).rejects.toMatchObject({
      code: 'hub.stalled',
    });
    await expectNothingInstalled();
    expect(partBytes()).toBeGreaterThan(200_000);
    hub.reset();
    expectWhole(await download());
  });

  test('a server that cannot answer, or is not there', async () => {
    hub.faults.push({ when: isWeights, status: 503, times: 99 });
    await expect(download({ rules: patient })).rejects.toMatchObject({ code: 'hub.failed' });
    await expect(open({ endpoint: 'http://127.0.0.1:9' })).rejects.toMatchObject({ code: 'hub.unreachable' });
    await expectNothingInstalled();
  });

  test('a token that is needed, or is not enough', async () => {
    hub.token = 'hf_secret';
    await expect(download()).rejects.toMatchObject({
      code: 'hub.access',
      advice: expect.stringContaining('token') as string,
    });
    await expect(download({ client: { token: 'hf_other' } })).rejects.toMatchObject({ code: 'hub.access' });
    hub.reset();
    hub.faults.push({ when: isWeights, status: 403, headers: { 'x-error-code': 'GatedRepo' }, times: 99 });
    await expect(download()).rejects.toMatchObject({ code: 'hub.access' });
    await expectNothingInstalled();
  });

  test('offline mode: not a single request, also when it is switched on midway', async () => {
    await expect(open({ isOffline: () => true })).rejects.toMatchObject({ code: 'hub.offline' });
    expect(hub.seen).toEqual([]);
    let requests = 0;
    await expect(download({ client: { isOffline: () => ++requests > 4 } })).rejects.toMatchObject({
      code: 'hub.offline',
    });
    expect(hub.seen.length).toBeLessThanOrEqual(4);
    await expectNothingInstalled();
  });

  test('a pause midway keeps what has arrived', async () => {
    const controller = new AbortController();
    const onProgress = (_phase: FetchPhase, done: number) => {
      if (done > hub.weights.length / 2) controller.abort();
    };
    await expect(download({ signal: controller.signal, onProgress })).rejects.toMatchObject({
      name: 'AbortError',
    });
    await expectNothingInstalled();
    expect(partBytes()).toBeGreaterThan(0);
    expectWhole(await download());
  });
});

describe('a checkpoint that cannot be used is refused before its weights are read', () => {
  const changed = async (name: string, content: Buffer | null) => {
    const own = await LoopbackHub.start(checkpoint);
    if (content === null) own.files.delete(name);
    else own.files.set(name, content);
    try {
      const client = new HubClient({ endpoint: own.endpoint });
      const source = await openHubSource(client, { repository, revision: 'main' }, never);
      return await offerModel(source, store, { inspector, rules: strict }, never);
    } finally {
      expect(own.sentBytes).toBeLessThan(own.weights.length / 2 + 70_000);
      await own.close();
    }
  };
  const config = JSON.parse(readFileSync(path.join(checkpoint, 'config.json'), 'utf8')) as Record<
    string,
    unknown
  >;

  test('another family', async () => {
    const other = Buffer.from(JSON.stringify({ ...config, model_type: 'llava' }));
    await expect(changed('config.json', other)).rejects.toMatchObject({ code: 'model.family-unsupported' });
  });

  test('a config that contradicts the weights', async () => {
    const other = JSON.stringify(config).replace(/"num_hidden_layers":\d+/, '"num_hidden_layers":3');
    await expect(changed('config.json', Buffer.from(other))).rejects.toMatchObject({
      code: expect.stringMatching(/^model\.tensor-/) as string,
    });
  });

  test('no tokenizer, no weights, other weights', async () => {
    await expect(changed('tokenizer.json', null)).rejects.toMatchObject({ code: 'model.not-a-checkpoint' });
    await expect(changed(weightsFile, Buffer.alloc(2_000_000))).rejects.toMatchObject({
      code: 'model.weights-invalid',
    });
  });

  test('weights that are shorter than their header says', async () => {
    await expect(changed(weightsFile, hub.weights.subarray(0, hub.weights.length - 9))).rejects.toMatchObject(
      {
        code: 'model.weights-truncated',
      },
    );
  });
});

const disk = path.join(scratch, 'маленький диск');
mkdirSync(disk);
/** A file system of its own needs rights that a test runner may not have. */
const mounted =
  process.platform === 'linux' &&
  spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=16m', 'tmpfs', disk], { stdio: 'ignore' }).status === 0;

describe.skipIf(!mounted)('a disk that is full', () => {
  beforeEach(() => {
    store = new ModelStore(path.join(disk, 'models'));
  });
  afterAll(() => {
    spawnSync('umount', [disk]);
  });

  test('before: the room is measured, and nothing large is fetched', async () => {
    const filler = path.join(disk, 'filler');
    writeFileSync(filler, Buffer.alloc(16 * 2 ** 20 - hub.weights.length));
    await expect(download()).rejects.toMatchObject({
      code: 'model.disk-full',
      advice: expect.stringContaining('resume') as string,
    });
    rmSync(filler);
    expectWhole(await download());
  });

  test('midway: told, and resumed when there is room', async () => {
    const filler = path.join(disk, 'filler');
    let requests = 0;
    hub.faults.push({
      when: (request) => isWeights(request) && request.host.startsWith('localhost') && requests++ > 0,
      before: () => {
        writeFileSync(filler, Buffer.alloc(64));
        const free = Number(
          spawnSync('df', ['--output=avail', '-B1', disk]).stdout.toString().split('\n')[1],
        );
        truncateSync(filler, 0);
        writeFileSync(filler, Buffer.alloc(Math.max(0, free - Math.floor(hub.weights.length / 2))));
      },
    });
    await expect(download()).rejects.toMatchObject({ code: 'model.disk-full' });
    await expectNothingInstalled();
    hub.reset();
    rmSync(filler);
    expectWhole(await download());
  });
});
