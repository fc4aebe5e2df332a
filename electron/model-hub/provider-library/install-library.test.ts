import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { HubClient } from '../hub/hub-client.ts';
import type { FetchRules } from '../patience.ts';
import { LoopbackFeed, makePackage } from '../testing/loopback-feed.ts';
import type { FeedRequest } from '../testing/loopback-feed.ts';
import { installFromFeed, installFromFile, readLibraryRecord, removeLibrary } from './install-library.ts';
import type { InstallPhase } from './install-library.ts';

const version = '1.30.0';
const scratch = mkdtempSync(path.join(tmpdir(), 'fundus-lens ускоритель '));
const names = ['libonnxruntime_providers_cuda.so', 'libonnxruntime_providers_shared.so'];
const note = 'fundus-lens-cuda.json';
const strict: FetchRules = { attempts: 1, pauseMilliseconds: 1, longestWait: 1000 };
const never = new AbortController().signal;
const isPackage = ({ what }: FeedRequest) => what === 'package';
let feed: LoopbackFeed;
let whole: Awaited<ReturnType<typeof makePackage>>;
let runtime: string;
let downloads: string;

beforeAll(async () => {
  whole = await makePackage(version);
  feed = await LoopbackFeed.start(whole.bytes, version);
});
beforeEach(() => {
  feed.reset(whole.bytes);
  const folder = mkdtempSync(path.join(scratch, 'один '));
  runtime = path.join(folder, 'bin');
  downloads = path.join(folder, 'cache', 'cuda');
  mkdirSync(runtime);
  writeFileSync(path.join(runtime, 'libonnxruntime.so.1'), 'here already');
});
afterAll(async () => {
  await feed.close();
  rmSync(scratch, { recursive: true, force: true });
});

const place = () => ({ folder: runtime, version, platform: 'linux/x64' });

interface Installation {
  readonly isOffline?: boolean;
  readonly rules?: FetchRules;
  readonly signal?: AbortSignal;
  readonly onPhase?: (phase: InstallPhase, done: number) => void;
  readonly endpoint?: string;
}

function install({
  isOffline = false,
  rules = strict,
  signal = never,
  onPhase,
  endpoint,
}: Installation = {}) {
  const client = new HubClient({
    endpoint: endpoint ?? feed.address,
    isOffline: () => isOffline,
    stallMilliseconds: 2000,
  });
  const hooks = { signal, onProgress: (phase: InstallPhase, done: number) => onPhase?.(phase, done) };
  return installFromFeed(client, place(), downloads, hooks, rules);
}

/** The libraries of the package lie where ONNX Runtime looks for them, and nothing else of it. */
function expectInstalled(files = whole.files): void {
  expect(readdirSync(runtime).sort()).toEqual([note, 'libonnxruntime.so.1', ...names].sort());
  for (const name of names) expect(readFileSync(path.join(runtime, name))).toEqual(files.get(name));
}

function expectUntouched(): void {
  expect(readdirSync(runtime)).toEqual(['libonnxruntime.so.1']);
}

function partBytes(): number {
  const [part] = existsSync(downloads) ? readdirSync(downloads).filter((name) => name.endsWith('.part')) : [];
  return part === undefined ? 0 : readFileSync(path.join(downloads, part)).length;
}

describe('an installation that goes well', () => {
  test('compares the hash of the feed, puts the libraries in place, and leaves nothing else', async () => {
    const phases = new Set<InstallPhase>();
    const record = await install({ onPhase: (phase) => phases.add(phase) });
    expectInstalled();
    expect([...phases]).toEqual(['ask', 'fetch', 'unpack']);
    expect(record).toMatchObject({
      version,
      compared: true,
      sha512: createHash('sha512').update(whole.bytes).digest('hex'),
    });
    expect(await readLibraryRecord(place())).toEqual(record);
    expect(existsSync(downloads)).toBe(false);
    expect(feed.seen.map(({ what }) => what)).toEqual(['index', 'leaf', 'entry', 'package']);
  });

  test('is taken back whole', async () => {
    await install();
    await removeLibrary(place());
    expectUntouched();
    expect(await readLibraryRecord(place())).toBeNull();
    await expect(removeLibrary(place())).rejects.toMatchObject({ code: 'provider.in-place' });
  });

  test('counts as gone when a file of it is', async () => {
    await install();
    rmSync(path.join(runtime, names[0]!));
    expect(await readLibraryRecord(place())).toBeNull();
  });

  test('leaves what somebody placed there by hand', async () => {
    writeFileSync(path.join(runtime, names[0]!), 'by hand');
    await expect(removeLibrary(place())).rejects.toMatchObject({ code: 'provider.in-place' });
    expect(readFileSync(path.join(runtime, names[0]!), 'utf8')).toBe('by hand');
  });
});

describe('a connection that is cut', () => {
  test.each([10, 50, 90])('after %i %% goes on where it stopped, to the same files', async (percent) => {
    feed.faults.push({ when: isPackage, cutAfter: Math.floor((whole.bytes.length * percent) / 100) });
    await expect(install()).rejects.toMatchObject({ code: 'hub.unreachable' });
    expectUntouched();
    const kept = partBytes();
    expect(kept).toBeGreaterThan(0);
    feed.reset(whole.bytes);
    await install();
    expectInstalled();
    expect(feed.seen.find(isPackage)?.range).toBe(`bytes=${kept}-${whole.bytes.length - 1}`);
  });

  test('is taken up by itself while something arrives', async () => {
    feed.faults.push({ when: isPackage, cutAfter: 50_000, times: 3 });
    await install({ rules: { ...strict, attempts: 3 } });
    expectInstalled();
  });

  test('an interruption keeps what has arrived', async () => {
    const controller = new AbortController();
    const stops = (phase: InstallPhase, done: number) => phase === 'fetch' && done > 0 && controller.abort();
    await expect(install({ signal: controller.signal, onPhase: stops })).rejects.toThrow(/abort/i);
    expectUntouched();
    expect(partBytes()).toBeGreaterThan(0);
    await install();
    expectInstalled();
  });

  test('an interruption while unpacking leaves nothing half-written', async () => {
    const controller = new AbortController();
    const stops = (phase: InstallPhase) => phase === 'unpack' && controller.abort();
    await expect(install({ signal: controller.signal, onPhase: stops })).rejects.toThrow(/abort/i);
    expectUntouched();
    feed.reset(whole.bytes);
    await install();
    expectInstalled();
    // The package itself had arrived, and was right.
    expect(feed.seen.some(isPackage)).toBe(false);
  });
});

describe('what is wrong is never installed', () => {
  test('a package that is not what the catalogue says', async () => {
    feed.faults.push({ when: isPackage, flipByte: 70_000 });
    await expect(install()).rejects.toMatchObject({
      code: 'model.hash-mismatch',
      expected: `SHA-512 ${createHash('sha512').update(whole.bytes).digest('hex')}`,
    });
    expectUntouched();
    expect(partBytes()).toBe(0);
  });

  test('a package whose bit flips on the way once is fetched again', async () => {
    feed.faults.push({ when: isPackage, flipByte: 70_000, times: 1 });
    await install();
    expectInstalled();
  });

  test.each([
    ['no hash', { packageHash: undefined }],
    ['a hash of another kind', { packageHashAlgorithm: 'MD5' }],
    ['half a hash', { packageHash: 'AAAA' }],
    ['another version', { version: '1.29.0' }],
    ['no size', { packageSize: undefined }],
  ])('a catalogue that states %s', async (_, entry) => {
    feed.entry = entry;
    await expect(install()).rejects.toMatchObject({ code: 'hub.wrong-content' });
    expect(feed.seen.some(isPackage)).toBe(false);
    expectUntouched();
  });

  test.each(['index', 'leaf', 'package'] as const)('a web page in the place of the %s', async (place) => {
    const headers = { 'content-type': 'text/html' };
    const body = '<!doctype html><p>Please log in';
    feed.faults.push({ when: ({ what }) => what === place, status: 200, headers, body });
    await expect(install()).rejects.toMatchObject({ code: 'hub.wrong-content' });
    expectUntouched();
  });

  test('a feed that does not have this version', async () => {
    feed.faults.push({ when: ({ what }) => what === 'leaf', status: 404 });
    const refusal = { code: 'hub.not-found', expected: expect.stringContaining(feed.address) as string };
    await expect(install()).rejects.toMatchObject(refusal);
    expectUntouched();
  });

  test('a feed that is not there, and an address of something else', async () => {
    await expect(install({ endpoint: 'http://127.0.0.1:9/v3/index.json' })).rejects.toMatchObject({
      code: 'hub.unreachable',
    });
    await expect(install({ endpoint: feed.address.replace('index', 'query') })).rejects.toMatchObject({
      code: 'hub.not-found',
    });
  });

  test('anything while offline mode is on', async () => {
    await expect(install({ isOffline: true })).rejects.toMatchObject({
      code: 'hub.offline',
      advice: expect.stringContaining('by hand') as string,
    });
    expect(feed.seen).toEqual([]);
    expectUntouched();
  });

  test.each([
    ['is of another version', () => makePackage('1.29.0')],
    ['is another one', () => makePackage(version, { id: 'Microsoft.ML.OnnxRuntime' })],
    ['lacks a library', () => makePackage(version, { without: names[1]! })],
  ])('a package that %s', async (_, make) => {
    feed.package = (await make()).bytes;
    await expect(install()).rejects.toMatchObject({ code: 'provider.package' });
    expectUntouched();
  });

  test('a package that its publisher has damaged', async () => {
    const cut = whole.bytes.subarray(0, 100_000);
    feed.package = cut;
    await expect(install()).rejects.toMatchObject({ code: 'provider.package' });
    expectUntouched();
  });

  test('a library where there is none for the system', async () => {
    const client = new HubClient({ endpoint: feed.address });
    const hooks = { signal: never, onProgress: () => undefined };
    const windows = { ...place(), platform: 'win32/x64' };
    await expect(installFromFeed(client, windows, downloads, hooks)).rejects.toMatchObject({
      code: 'provider.no-library',
      found: 'win32/x64',
    });
    expect(feed.seen).toEqual([]);
  });

  test('two installations at a time', async () => {
    mkdirSync(downloads, { recursive: true });
    writeFileSync(path.join(downloads, 'lock'), String(process.ppid));
    await expect(install()).rejects.toMatchObject({ code: 'model.busy' });
  });
});

describe('a package that a person brought', () => {
  const file = path.join(scratch, 'принесён.nupkg');
  const hooks = { signal: never, onProgress: () => undefined };
  const sha512 = () => createHash('sha512').update(whole.bytes);

  test('is installed without a network, with its hash compared or not', async () => {
    writeFileSync(file, whole.bytes);
    expect(await installFromFile(file, null, place(), hooks)).toMatchObject({ compared: false });
    expectInstalled();
    for (const stated of [sha512().digest('hex').toUpperCase(), sha512().digest('base64')])
      expect(await installFromFile(file, stated, place(), hooks)).toMatchObject({ compared: true });
    expectInstalled();
    expect(readFileSync(file)).toEqual(whole.bytes);
    expect(feed.seen).toEqual([]);
  });

  test('is refused when anything is wrong with it', async () => {
    writeFileSync(file, whole.bytes);
    const other = createHash('sha512').update('other').digest('hex');
    await expect(installFromFile(file, other, place(), hooks)).rejects.toMatchObject({
      code: 'model.hash-mismatch',
    });
    await expect(installFromFile(file, 'abc', place(), hooks)).rejects.toMatchObject({
      code: 'input.invalid',
    });
    await expect(installFromFile(`${file}.no`, null, place(), hooks)).rejects.toMatchObject({
      code: 'provider.package',
    });
    // A flipped bit in the middle of a library, which only its checksum tells.
    const flipped = Buffer.from(whole.bytes);
    flipped[Math.floor(flipped.length / 2)]! ^= 1;
    for (const bytes of [flipped, whole.bytes.subarray(0, 90_000), Buffer.from('no zip')]) {
      writeFileSync(file, bytes);
      await expect(installFromFile(file, null, place(), hooks)).rejects.toMatchObject({
        code: 'provider.package',
      });
    }
    expectUntouched();
  });
});

const disk = path.join(scratch, 'disk');
mkdirSync(disk);
/** A file system of its own needs rights that a test runner may not have. */
const mounted =
  process.platform === 'linux' &&
  spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=300k', 'tmpfs', disk], { stdio: 'ignore' }).status === 0;
afterAll(() => {
  if (mounted) spawnSync('umount', [disk]);
});

describe.skipIf(!mounted)('a folder of ONNX Runtime that may only be read', () => {
  test('is told before anything is fetched', async () => {
    runtime = path.join(disk, 'read-only');
    mkdirSync(runtime);
    spawnSync('mount', ['-o', 'remount,ro', disk]);
    await expect(install()).rejects.toMatchObject({ code: 'output.unwritable', found: 'EROFS' });
    spawnSync('mount', ['-o', 'remount,rw', disk]);
    expect(feed.seen).toEqual([]);
  });
});

describe.skipIf(!mounted)('a disk without room', () => {
  const words = { code: 'model.disk-full', summary: expect.stringContaining('CUDA') as string };

  test('for the package is told before it is fetched', async () => {
    downloads = path.join(disk, 'cuda');
    writeFileSync(path.join(disk, 'full'), Buffer.alloc(200_000));
    await expect(install()).rejects.toMatchObject(words);
    expect(feed.seen.some(isPackage)).toBe(false);
    rmSync(path.join(disk, 'full'));
    expectUntouched();
  });

  test('for the libraries is told before they are unpacked, and the package is kept', async () => {
    runtime = path.join(disk, 'bin');
    mkdirSync(runtime);
    writeFileSync(path.join(disk, 'full'), Buffer.alloc(200_000));
    await expect(install()).rejects.toMatchObject(words);
    expect(readdirSync(runtime)).toEqual([]);
    rmSync(path.join(disk, 'full'));
    spawnSync('mount', ['-o', 'remount,size=4m', disk]);
    feed.reset(whole.bytes);
    await install();
    for (const name of names) expect(readFileSync(path.join(runtime, name))).toEqual(whole.files.get(name));
    expect(feed.seen.some(isPackage)).toBe(false);
  });
});
