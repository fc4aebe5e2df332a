import { execFile } from 'node:child_process';
import { rmSync } from 'node:fs';
import { promisify } from 'node:util';
import { afterAll, describe, expect, it } from 'vitest';
import type { Deviation } from './testing/compare-with-reference.ts';
import { fixtureNames } from './testing/reference-fixtures.ts';
import { unpackSwiftShader } from './runtime/swiftshader.ts';

/** One fixture takes long on a program's GPU; of families whose fixtures share all of their graphs, one stands for six. */
const standIns = ['smolvlm-tied-bf16', 'gemma3-tied-f16-outliers'];
const names = fixtureNames.filter(
  (name) => !/^(idefics3|smolvlm|gemma3)/.test(name) || standIns.includes(name),
);

const swiftShader = unpackSwiftShader();
afterAll(() => {
  if (swiftShader !== null) rmSync(swiftShader.folder, { recursive: true });
});

describe.skipIf(swiftShader === null)('the webgpu provider on SwiftShader', () => {
  it.each(names)('agrees with transformers on %s', { timeout: 240_000 }, async (name) => {
    const { folder, environment } = swiftShader!;
    const script = new URL('./testing/compare-on-webgpu.ts', import.meta.url).pathname;
    const { stdout } = await promisify(execFile)(process.execPath, [script, folder, name], {
      env: environment,
    });
    const deviation = JSON.parse(stdout) as Deviation;
    expect(deviation).toMatchObject({ samePositionIds: true, wrongOrder: 0, sameText: true });
    expect(deviation.device).toMatch(/^SwiftShader/);
    expect(deviation.residual).toBeLessThan(1e-4);
    expect(deviation.lens).toBeLessThan(5e-3);
  });
});
