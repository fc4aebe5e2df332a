import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, expect, it } from 'vitest';
import { probeInChild } from './probe-in-child.ts';
import { chooseProvider } from './providers.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'fundus-lens-probe-'));
afterAll(() => rmSync(folder, { recursive: true }));

it('a driver that crashes ends its own process, and is told as the reason', async () => {
  const script = path.join(folder, 'crash.mjs');
  writeFileSync(script, `process.kill(process.pid, 'SIGSEGV');`);
  const { failure } = await probeInChild('webgpu', pathToFileURL(script));
  expect(failure).toContain('SIGSEGV');
});

it('the cpu is tried in a process of its own as any other', async () => {
  expect(await probeInChild('cpu')).toEqual({ failure: null, fusedAttention: true });
});

it('cuda without its library is refused with the reason, and auto falls back with it', async () => {
  await expect(chooseProvider('cuda')).rejects.toThrow('not installed');
  const chosen = await chooseProvider('auto');
  expect(chosen.provider).not.toBe('cuda');
  expect(chosen.fallback).toContain('cuda: the CUDA library');
});
