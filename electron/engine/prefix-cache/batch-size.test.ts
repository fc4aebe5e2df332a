import { expect, it } from 'vitest';
import { openCheckpoint } from '../checkpoint/open-checkpoint.ts';
import { weighCheckpoint } from '../memory/weigh-parts.ts';
import { composePrompt } from '../model/compose-prompt.ts';
import { checkpointFolder } from '../testing/reference-fixtures.ts';
import { chooseBatchSize } from './batch-size.ts';
import { PrefixMemory } from './prefix-memory.ts';

const checkpoint = await openCheckpoint(checkpointFolder('qwen2-vl-tied-f16'));
const run = { onDevice: true, attention: 'fused', widen: 'once' } as const;
const model = { checkpoint, memory: { weights: weighCheckpoint(checkpoint), run, staysLoaded: true } };

function chooseFor(rows: number, columns: number, memory: PrefixMemory, numPositions = 0): number {
  const image = {
    ...{ sha256: '', width: 1, height: 1, resized: [1, 1] as const, grid: [1, rows, columns] as const },
    pixelValues: () => Promise.resolve(new Float32Array(0)),
  };
  const prompt = composePrompt(checkpoint, 'What?', image.grid, 0);
  return chooseBatchSize(model, memory, { image, prompt }, numPositions);
}

it('as many images go together as the device and what is remembered of them allow', () => {
  const roomy = 2 ** 40;
  const all = new PrefixMemory(roomy, { batchBytes: roomy });
  expect(chooseFor(16, 16, all)).toBe(8);
  expect(chooseFor(16, 16, new PrefixMemory(roomy))).toBe(1);
  expect(chooseFor(16, 16, new PrefixMemory(0, { batchBytes: roomy }))).toBe(1);
  const half = new PrefixMemory(roomy, { batchBytes: 3e6 });
  expect(chooseFor(8, 8, half)).toBeGreaterThan(chooseFor(32, 32, half));
  const little = new PrefixMemory(1e6, { batchBytes: roomy });
  expect(chooseFor(16, 16, little, 64)).toBeLessThan(chooseFor(16, 16, little));
  expect(chooseFor(16, 16, new PrefixMemory(0, { batchSize: 3 }))).toBe(3);
});
