import { execFile } from 'node:child_process';
import { rmSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import sharp from 'sharp';
import { afterAll, describe, expect, it } from 'vitest';
import { fixturesFolder } from '../testing/reference-fixtures.ts';
import { unpackSwiftShader } from '../runtime/swiftshader.ts';
import type { BatchComparison } from '../testing/batch-on-webgpu.ts';

const swiftShader = unpackSwiftShader();
afterAll(() => {
  if (swiftShader !== null) rmSync(swiftShader.folder, { recursive: true });
});

describe.skipIf(swiftShader === null)('images that go through together on SwiftShader', () => {
  it.each(['qwen2-5-vl-untied-f32', 'qwen2-vl-tied-f16'])(
    'give the numbers of each alone on %s, without being asked to',
    { timeout: 240_000 },
    async (name) => {
      const { folder, environment } = swiftShader!;
      const photograph = path.join(fixturesFolder, 'images/tiny-45x38.png');
      const negative = path.join(folder, `${name}.png`);
      await sharp(photograph).negate().toFile(negative);
      const script = new URL('../testing/batch-on-webgpu.ts', import.meta.url).pathname;
      const { stdout } = await promisify(execFile)(process.execPath, [script, name, photograph, negative], {
        env: environment,
      });
      const { provider, reuse, residualNorm, logProb } = JSON.parse(stdout) as BatchComparison;
      expect(provider).toBe('webgpu');
      expect(reuse).toEqual([
        { vision: false, prefix: false, batch: 2 },
        { vision: true, prefix: true, batch: 1 },
      ]);
      expect(residualNorm).toBeLessThan(1e-5);
      expect(logProb).toBeLessThan(1e-3);
    },
  );
});
