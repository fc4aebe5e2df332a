import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { unpackSwiftShader } from '../electron/engine/runtime/swiftshader.ts';
import { measureOurs } from './engine.ts';
import { makeRandomCheckpoint, type CheckpointShape } from './checkpoints/random-checkpoint.ts';
import type { TraceNumbers } from './trace-process.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'fundus-lens-shape-'));
const swiftShader = unpackSwiftShader();
afterAll(() => {
  rmSync(folder, { recursive: true });
  if (swiftShader !== null) rmSync(swiftShader.folder, { recursive: true });
});

/** As many heads and tokens as the released models have: the tiny fixtures stay below what a device binds at once. */
const shape: CheckpointShape = {
  name: 'many-heads',
  family: 'qwen2_vl',
  hiddenSize: 192,
  numLayers: 2,
  numHeads: 12,
  numKeyValueHeads: 2,
  intermediateSize: 256,
  vocabSize: 151_936,
  tied: true,
  vision: { width: 256, depth: 4, numHeads: 16, intermediateSize: 256 },
  maxPixels: 16 * 28 * 28,
};

it.skipIf(swiftShader === null)(
  'the heads and the vocabulary of a released model run on webgpu as on the cpu',
  { timeout: 240_000 },
  () => {
    const modelDir = makeRandomCheckpoint(folder, shape, 'F32');
    const measure = (provider: 'cpu' | 'webgpu') => {
      const cellsFile = path.join(folder, `${provider}.json`);
      const { environment } = swiftShader!;
      const options = { modelDir, positions: 'last', provider, cellsFile, environment } as const;
      expect(measureOurs(options, folder, 0).provider).toBe(provider);
      return JSON.parse(readFileSync(cellsFile, 'utf8')) as TraceNumbers;
    };
    const [cpu, webgpu] = [measure('cpu'), measure('webgpu')];
    webgpu.topLogProbs.forEach((value, index) => expect(value).toBeCloseTo(cpu.topLogProbs[index]!, 3));
    webgpu.entropy.forEach((value, index) => expect(value).toBeCloseTo(cpu.entropy[index]!, 3));
  },
);
