import fc from 'fast-check';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { openCheckpoint } from '../checkpoint/open-checkpoint.ts';
import { ModelCache } from '../stages/model-cache.ts';
import { completeOptions, planTensors } from '../quantize/plan.ts';
import { weighPlan } from '../quantize/weigh-plan.ts';
import { checkpointFolder, fixtureNames } from '../testing/reference-fixtures.ts';
import { fitModel, fitTrace } from './fit-memory.ts';
import { estimateNeeds, estimateTrace, staysOnHost, type RunPlan } from './memory-needs.ts';
import { measureMemory } from './available-memory.ts';
import { modelParts, weighCheckpoint } from './weigh-parts.ts';

afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
});

const needs = { hostBytes: 2e9, deviceBytes: 6e9, deviceBytesInTurn: 4e9 };

describe('a model and the memory there is', () => {
  it('stays on a device that holds all of it, and takes turns on one that holds its largest graph', () => {
    expect(fitModel('m', needs, { hostBytes: 3e9, deviceBytes: 6e9 })).toBe('together');
    expect(fitModel('m', needs, { hostBytes: 3e9, deviceBytes: 5e9 })).toBe('in-turn');
    expect(fitModel('m', needs, { hostBytes: 3e9, deviceBytes: null })).toBe('together');
  });

  it('is refused with what it needs and what there is', () => {
    const refused = (room: Parameters<typeof fitModel>[2]) => {
      try {
        return fitModel('m', needs, room);
      } catch (error) {
        return error;
      }
    };
    expect(refused({ hostBytes: 1e9, deviceBytes: null })).toMatchObject({
      code: 'model.too-large',
      expected: 'about 2.0 GB of free memory',
      found: '1.0 GB',
    });
    expect(refused({ hostBytes: 3e9, deviceBytes: 3e9 })).toMatchObject({
      code: 'model.too-large',
      expected: 'about 4.0 GB of free memory on the device',
    });
    vi.stubEnv('FUNDUS_LENS_MEMORY_CHECK', 'off');
    expect(refused({ hostBytes: 1e9, deviceBytes: 3e9 })).toBe('in-turn');
  });

  it('is refused before its weights are read, and loads once there is room', async () => {
    const folder = checkpointFolder(fixtureNames[0]!);
    const models = new ModelCache();
    const available = vi.spyOn(process, 'availableMemory').mockReturnValue(1e6);
    await expect(models.open(folder, 'cpu', {})).rejects.toMatchObject({ code: 'model.too-large' });
    available.mockReturnValue(8e9);
    await expect(models.open(folder, 'cpu', {})).resolves.toHaveProperty('gate');
    await models.close();
  });
});

it('an image that needs more than there is, is refused before it is encoded', () => {
  expect(() => fitTrace(9000, 5e9, 4e9)).toThrow(expect.objectContaining({ code: 'trace.too-large' }));
  expect(() => fitTrace(9000, 5e9, null)).not.toThrow();
});

it('memory of a device can be stated, in bytes', async () => {
  expect((await measureMemory(null)).deviceBytes).toBeNull();
  expect((await measureMemory(10e9)).deviceBytes).toBeLessThan(10e9);
  vi.stubEnv('FUNDUS_LENS_DEVICE_MEMORY', '6e9');
  expect((await measureMemory(10e9)).deviceBytes).toBe(6e9);
  vi.stubEnv('FUNDUS_LENS_DEVICE_MEMORY', 'six');
  await expect(measureMemory(10e9)).rejects.toMatchObject({ code: 'input.invalid', found: 'six' });
});

describe.each(fixtureNames)('the weights of %s', (name) => {
  it('are all in one of the three graphs, but for an embedding beside an unembedding', async () => {
    const checkpoint = await openCheckpoint(checkpointFolder(name));
    const weights = weighCheckpoint(checkpoint);
    const whole = [...checkpoint.weights].reduce((sum, { byteLength }) => sum + byteLength, 0);
    const inGraphs = modelParts.reduce((sum, part) => sum + weights[part].bytes, 0);
    const tied = checkpoint.unembedding === checkpoint.embedding.name;
    const unread = [...checkpoint.weights]
      .filter(({ name: tensor }) => tensor.endsWith('.inv_freq'))
      .reduce((sum, { byteLength }) => sum + byteLength, 0);
    expect(inGraphs).toBe(whole - unread - (tied ? 0 : checkpoint.embedding.byteLength));
  });

  it('need less with fewer bits, in turn never more than together, and more for a larger image', async () => {
    const checkpoint = await openCheckpoint(checkpointFolder(name));
    const { config } = checkpoint;
    const planned = (format: 'float16' | 'int8' | 'int4') =>
      weighPlan(planTensors(checkpoint, completeOptions({ format })), checkpoint);
    const bytes = (weights: ReturnType<typeof planned>) =>
      modelParts.reduce((sum, part) => sum + weights[part].bytes, 0);
    expect(bytes(planned('int4'))).toBeLessThan(bytes(planned('int8')));
    expect(bytes(planned('int8'))).toBeLessThan(bytes(planned('float16')));

    const run = fc.record<RunPlan>({
      onDevice: fc.boolean(),
      attention: fc.constantFrom('fused', 'composed'),
      widen: fc.constantFrom('once', 'per-use'),
    });
    const size = fc.record({
      numPatches: fc.integer({ min: 4, max: 65_536 }),
      seqLen: fc.nat(16_384),
      numRead: fc.integer({ min: 1, max: 16_384 }),
    });
    const weights = planned('int4');
    fc.assert(
      fc.property(run, size, (plan, trace) => {
        const small = estimateNeeds(weights, config, plan, trace);
        const large = estimateNeeds(weights, config, plan, { ...trace, seqLen: 2 * trace.seqLen + 1 });
        expect(small.deviceBytesInTurn).toBeLessThanOrEqual(small.deviceBytes);
        expect(small.deviceBytes > 0).toBe(plan.onDevice);
        expect(large.hostBytes).toBeGreaterThanOrEqual(small.hostBytes);
        expect(large.deviceBytes).toBeGreaterThanOrEqual(small.deviceBytes);
        const staying = estimateTrace(weights, config, plan, trace, true);
        expect(staying).toBeLessThanOrEqual(estimateTrace(weights, config, plan, trace, false));
        if (plan.onDevice) expect(staying).toBeLessThan(small.deviceBytes);
      }),
    );
    expect(staysOnHost(weights, { onDevice: false, attention: 'fused', widen: 'per-use' })).toBe(false);
  });
});
