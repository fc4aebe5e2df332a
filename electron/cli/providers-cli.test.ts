import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { providersViewSchema } from '../contract/models/providers.ts';
import { LoopbackFeed, makePackage } from '../model-hub/testing/loopback-feed.ts';
import { packageFolder } from './test-cli.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'fundus-lens ускорители '));
const runtimeFolder = path.join(packageFolder, 'node_modules/onnxruntime-node');
/** Of the user; the program's own folder is not written to. */
let librariesFolder: string;
const hasLibrary = process.platform === 'linux' && process.arch === 'x64';
let feed: LoopbackFeed;
let whole: Awaited<ReturnType<typeof makePackage>>;

beforeAll(async () => {
  const description = readFileSync(path.join(runtimeFolder, 'package.json'), 'utf8');
  const { version } = JSON.parse(description) as { version: string };
  librariesFolder = path.join(folder, 'данные', 'fundus-lens', 'libraries', `onnxruntime-${version}`);
  whole = await makePackage(version);
  feed = await LoopbackFeed.start(whole.bytes, version);
});
afterAll(async () => {
  await feed.close();
  rmSync(folder, { recursive: true, force: true });
});

async function providers(...args: string[]) {
  const env = {
    ...process.env,
    XDG_DATA_HOME: path.join(folder, 'данные'),
    XDG_CACHE_HOME: path.join(folder, 'cache'),
    NO_COLOR: '1',
  };
  const child = spawn(process.execPath, [path.join(packageFolder, 'electron/cli/main.ts'), ...args], { env });
  const output = { stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output.stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (output.stderr += text));
  const exitCode = await new Promise((resolve) => child.once('close', resolve));
  return { exitCode, ...output };
}

describe('providers on the command line', () => {
  test('every one is listed, with its device or the reason', { timeout: 120_000 }, async () => {
    const listed = await providers('providers', 'list');
    expect(listed).toMatchObject({ exitCode: 0, stderr: '' });
    const [make] = cpus()[0]!.model.trim().split(' ');
    const processor = listed.stdout.split('\n').find((line) => /^cpu +works /.test(line));
    expect(processor).toContain(make);
    expect(listed.stdout).toContain('cuda: the CUDA library of ONNX Runtime is not installed');
    const asJson = await providers('providers', 'list', '--json');
    const view = providersViewSchema.parse(JSON.parse(asJson.stdout));
    expect(view.providers.map(({ provider }) => provider)).toEqual(['cuda', 'webgpu', 'cpu']);
    expect(view.runtime.folder).toBe(librariesFolder);
    expect(view.cuda).toMatchObject({ installed: null, offline: true });
  });

  test.skipIf(!hasLibrary)(
    'the library is fetched when that is allowed, tried, and taken away again',
    { timeout: 120_000 },
    async () => {
      const refused = await providers('providers', 'install', 'cuda', '--feed', feed.address);
      expect(refused).toMatchObject({ exitCode: 2, stdout: '' });
      expect(refused.stderr).toContain('[hub.offline]');
      expect(feed.seen).toEqual([]);

      await providers('models', 'hub', '--online');
      const installed = await providers('providers', 'install', 'cuda');
      expect(installed).toMatchObject({ exitCode: 0, stderr: '' });
      expect(feed.seen.map(({ what }) => what)).toEqual(['index', 'leaf', 'entry', 'package']);
      expect(readdirSync(librariesFolder)).toContain('libonnxruntime_providers_cuda.so');
      const binaries = path.join(runtimeFolder, 'bin/napi-v6/linux/x64');
      expect(readdirSync(binaries).filter((name) => /cuda|shared/.test(name))).toEqual([]);
      // Noise is no library: the real loader refuses it, in a process of its own.
      expect(installed.stdout.replace(/\s+/g, ' ')).toMatch(
        /cuda: its library cannot be loaded \(libonnxruntime_providers_shared.so: invalid ELF header\); it needs CUDA 12/,
      );
      expect(installed.stdout).toContain('hash compared');

      expect(await providers('providers', 'remove', 'cuda')).toMatchObject({ exitCode: 0, stderr: '' });
      expect(readdirSync(librariesFolder).filter((name) => /cuda|shared/.test(name))).toEqual([]);
      expect((await providers('providers', 'remove', 'cuda')).stderr).toContain('[provider.in-place]');
    },
  );

  test.skipIf(!hasLibrary)(
    'a package that was brought here needs no network',
    { timeout: 60_000 },
    async () => {
      const file = path.join(folder, 'пакет.nupkg');
      writeFileSync(file, whole.bytes.subarray(0, 1000));
      const refused = await providers('providers', 'install', 'cuda', '--from', file);
      expect(refused.exitCode).toBe(2);
      expect(refused.stderr).toContain('[provider.package]');
      feed.seen.length = 0;
      writeFileSync(file, whole.bytes);
      const installed = await providers('providers', 'install', 'cuda', '--from', file);
      expect(installed).toMatchObject({ exitCode: 0, stderr: '' });
      expect(installed.stdout).toContain('hash not compared');
      expect(feed.seen).toEqual([]);
      expect(existsSync(file)).toBe(true);
    },
  );
});
