import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, afterEach, describe, expect, it, vi } from 'vitest';
import { agree, attendCausally, attentionCases } from './attention-probe.ts';
import { findWrongBlockProduct } from './block-probe.ts';
import { findLoaderMessage } from './loader-message.ts';
import { probeInChild } from './probe-in-child.ts';
import { chooseProvider, tryProvider } from './providers.ts';
import { unpackSwiftShader } from './swiftshader.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'fundus-lens-probe-'));
const swiftShader = unpackSwiftShader();
afterEach(() => vi.unstubAllEnvs());
afterAll(() => {
  rmSync(folder, { recursive: true });
  if (swiftShader !== null) rmSync(swiftShader.folder, { recursive: true });
});

/** A trial that tells these results instead of looking at a device. */
function writeTrial(name: string, body: string): URL {
  const script = path.join(folder, name);
  writeFileSync(script, body);
  return pathToFileURL(script);
}

describe('a trial in a process of its own', () => {
  it('survives a driver that crashes, and tells it as the reason', async () => {
    const script = writeTrial('crash.mjs', `process.kill(process.pid, 'SIGSEGV');`);
    const { failure } = await probeInChild('webgpu', { script });
    expect(failure).toContain('SIGSEGV');
  });

  it('counts what was told before a driver crashed at its end', async () => {
    const told = JSON.stringify({ failure: null, fusedAttention: true, blockFailure: null, cuda: null });
    const script = writeTrial(
      'late-crash.mjs',
      `process.stderr.write('last words');
       process.send(${told}, () => process.kill(process.pid, 'SIGSEGV'));`,
    );
    expect(await probeInChild('webgpu', { script })).toMatchObject({ failure: null, log: 'last words' });
  });

  it('is done with the cpu as with any other', async () => {
    expect(await probeInChild('cpu', { withBlocks: true })).toMatchObject({
      failure: null,
      fusedAttention: true,
      blockFailure: null,
    });
  });
});

it('cuda without its library is refused with the reason, and auto falls back with it', async () => {
  await expect(chooseProvider('cuda')).rejects.toThrow('not installed');
  const chosen = await chooseProvider('auto');
  expect(chosen.provider).not.toBe('cuda');
  expect(chosen.fallback).toContain('cuda: the CUDA library');
});

it("the loader's complaint about a library is told in its words, with what it needs", () => {
  const log = [
    '2026-11-24 06:21:55.681 [E:onnxruntime:onnxruntime-node, provider_bridge_ort.cc:2146 Create] ' +
      '/onnxruntime_src/onnxruntime/core/session/provider_bridge_ort.cc:1988 onnxruntime::Provider& ' +
      'onnxruntime::ProviderLibrary::Get() [ONNXRuntimeError] : 1 : FAIL : Failed to load library ' +
      '/opt/линза/libonnxruntime_providers_cuda.so with error: libcublasLt.so.12: cannot open shared object ' +
      'file: No such file or directory',
    '\u001b[m',
  ].join('\n');
  expect(findLoaderMessage(log)).toBe(
    'its library cannot be loaded (libcublasLt.so.12: cannot open shared object file: No such file or directory); ' +
      'it needs CUDA 12 and cuDNN 9, where the loader finds them',
  );
  const own = 'Failed to load library /a b/x.so with error: /a b/x.so: file too short';
  expect(findLoaderMessage(own)).toContain('(x.so: file too short)');
  expect(findLoaderMessage('something else')).toBeNull();
});

it('a sequence in two passes attends on the cpu as in one', async () => {
  const [whole, ...parts] = await attendCausally('cpu');
  parts.forEach((rows, index) => {
    const { past } = attentionCases[index + 1]!;
    expect(agree(rows, whole!.slice(past * 512))).toBe(true);
  });
  // The check itself can fail.
  expect(agree(parts[0]!, whole!.slice(0, parts[0]!.length))).toBe(false);
});

it('the cpu multiplies rounded weights of every kind rightly', async () => {
  expect(await findWrongBlockProduct('cpu')).toBeNull();
});

describe.skipIf(swiftShader === null)('on SwiftShader', () => {
  it('webgpu names the device it opened, and is judged by its numbers', { timeout: 240_000 }, async () => {
    const seen = await withSwiftShader(() => tryProvider('webgpu', true));
    expect(seen).toMatchObject({ failure: null, blockFailure: null, deviceMemoryBytes: null });
    expect(seen.device).toMatch(/^SwiftShader Device/);
    // microsoft/onnxruntime#28520
    expect(seen.fusedAttention).toBe(false);
  });

  it('a card of that name gives its memory', { timeout: 240_000 }, async () => {
    const bin = path.join(folder, 'bin');
    mkdirSync(bin);
    const { device } = await withSwiftShader(() => tryProvider('webgpu', false));
    writeFileSync(path.join(bin, 'nvidia-smi'), `#!/bin/sh\necho "GPU-1, ${device}, 8188"\n`);
    chmodSync(path.join(bin, 'nvidia-smi'), 0o755);
    vi.stubEnv('PATH', `${bin}:${process.env['PATH']}`);
    const chosen = await withSwiftShader(() => chooseProvider('webgpu'));
    expect(chosen).toMatchObject({ provider: 'webgpu', device, deviceMemoryBytes: 8188 * 2 ** 20 });
    expect(chosen.fallback).toBeNull();
  });

  it('auto leaves a device alone that is a program', { timeout: 240_000 }, async () => {
    const chosen = await withSwiftShader(() => chooseProvider('auto'));
    expect(chosen).toMatchObject({ provider: 'cpu', deviceMemoryBytes: null });
    expect(chosen.fallback).toMatch(/webgpu: SwiftShader .* is a program/);
  });

  function withSwiftShader<T>(work: () => Promise<T>): Promise<T> {
    for (const name of ['LD_LIBRARY_PATH', 'VK_ICD_FILENAMES'] as const)
      vi.stubEnv(name, swiftShader!.environment[name]);
    return work();
  }
});
