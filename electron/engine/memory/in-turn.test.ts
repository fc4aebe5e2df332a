import { execFile } from 'node:child_process';
import { rmSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, expect, it } from 'vitest';
import { lensTraceJsonSchema } from '../lens-trace/lens-trace.ts';
import { openCheckpoint } from '../checkpoint/open-checkpoint.ts';
import { checkpointFolder, fixturesFolder, referenceCases } from '../testing/reference-fixtures.ts';
import { unpackSwiftShader } from '../runtime/swiftshader.ts';
import { estimateNeeds } from './memory-needs.ts';
import { weighCheckpoint } from './weigh-parts.ts';

const swiftShader = unpackSwiftShader();
afterAll(() => {
  if (swiftShader !== null) rmSync(swiftShader.folder, { recursive: true });
});

const name = 'qwen2-5-vl-untied-f32';

/** Traces on webgpu through the command line, which also shows what the trace warns of. */
async function traceOnWebgpu(environment: NodeJS.ProcessEnv) {
  const image = path.join(fixturesFolder, referenceCases(name)[0]!.image);
  const main = path.resolve(import.meta.dirname, '../../cli/main.ts');
  const options = ['--model', checkpointFolder(name), '--provider', 'webgpu', '--no-controls', '--json', '-'];
  const { stdout } = await promisify(execFile)(process.execPath, [main, 'trace', image, ...options], {
    env: { ...swiftShader!.environment, ...environment },
    maxBuffer: 2 ** 26,
  });
  return lensTraceJsonSchema.parse(JSON.parse(stdout));
}

it.skipIf(swiftShader === null)(
  'graphs that take turns in the memory of a device give the same numbers',
  { timeout: 240_000 },
  async () => {
    const checkpoint = await openCheckpoint(checkpointFolder(name));
    const run = { onDevice: true, attention: 'composed', widen: 'once' } as const;
    const { deviceBytesInTurn } = estimateNeeds(weighCheckpoint(checkpoint), checkpoint.config, run);
    const together = await traceOnWebgpu({});
    const inTurn = await traceOnWebgpu({ FUNDUS_LENS_DEVICE_MEMORY: String(deviceBytesInTurn) });
    expect(together.warnings).not.toContainEqual({ code: 'graphs-in-turn' });
    expect(inTurn.warnings).toContainEqual({ code: 'graphs-in-turn' });
    expect(inTurn.cells).toEqual(together.cells);
    await expect(traceOnWebgpu({ FUNDUS_LENS_DEVICE_MEMORY: String(deviceBytesInTurn - 1) })).rejects.toThrow(
      'model.too-large',
    );
  },
);
