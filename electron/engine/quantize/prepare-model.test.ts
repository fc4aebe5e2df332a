import {
  appendFileSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import type { PrepareProgress } from '../../contract/models/prepared-model.ts';
import { isWeightsFile } from '../checkpoint/fingerprint.ts';
import { openCheckpoint } from '../checkpoint/open-checkpoint.ts';
import { writeSafetensors } from '../weights/safetensors-writer.ts';
import { readRows } from '../weights/tensor-reader.ts';
import { verifyModel } from '../fidelity/verify-model.ts';
import { ModelCache } from '../stages/model-cache.ts';
import {
  checkpointFolder,
  fixtureConcepts,
  fixtureRequest,
  fixturesFolder,
} from '../testing/reference-fixtures.ts';
import { trace } from '../trace.ts';
import { prepareModel } from './prepare-model.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'fundus-lens-prepare-'));
const models = new ModelCache();
afterAll(async () => {
  await models.close();
  rmSync(folder, { recursive: true });
});

const source = checkpointFolder('qwen2-5-vl-tied-bf16');
const image = path.join(fixturesFolder, 'images/square-112x112.png');
const target = (name: string) => path.join(folder, name);

/** An ordinary float32 checkpoint of the numbers that a prepared folder stands for. */
async function widenAll(prepared: string): Promise<string> {
  const folderOfSame = `${prepared}-widened`;
  mkdirSync(folderOfSame);
  const { weights } = await openCheckpoint(prepared);
  for (const name of readdirSync(prepared)) {
    if (!isWeightsFile(name)) copyFileSync(path.join(prepared, name), path.join(folderOfSame, name));
  }
  const tensors = [...weights].map((view) => {
    const [rows, columns] = view.shape.length === 1 ? [1, view.shape[0]!] : [view.shape[0]!, view.shape[1]!];
    const all = Array.from({ length: rows }, (_, row) => row);
    const part = readRows({ ...view, shape: [rows, columns] }, all);
    return { name: view.name, dtype: 'F32', shape: view.shape, parts: [part] } as const;
  });
  await writeSafetensors(path.join(folderOfSame, 'model.safetensors'), tensors);
  return folderOfSame;
}

describe('a prepared model', () => {
  it.each([
    { format: 'float16', checkpoint: 'qwen2-vl-tied-f16' },
    { format: 'int8', checkpoint: 'qwen2-5-vl-tied-bf16' },
    { format: 'int4', checkpoint: 'qwen2-5-vl-untied-f32' },
    { format: 'int8', checkpoint: 'qwen3-vl-tied-bf16' },
    { format: 'int4', checkpoint: 'qwen3-vl-untied-f32' },
    { format: 'int8', checkpoint: 'smolvlm-tied-bf16' },
    { format: 'int4', checkpoint: 'idefics3-untied-f32' },
    { format: 'int8', checkpoint: 'gemma3-tied-f16-outliers' },
    { format: 'int4', checkpoint: 'gemma3-untied-f32' },
  ] as const)(
    '$format of $checkpoint reads as the same numbers in float32',
    async ({ format, checkpoint }) => {
      const to = target(`${format}-${checkpoint}`);
      await prepareModel({ source: checkpointFolder(checkpoint), target: to, format }, {});
      const request = fixtureRequest(checkpoint, { positions: 'all', generate: 2, modelDir: to });
      const found = await trace(request, {}, models);
      const expected = await trace({ ...request, modelDir: await widenAll(to) }, {}, models);
      expect(found.model.weightDtype).toContain(format);
      expect(expected.model.weightDtype).toBe('F32');
      expect(found.generated).toEqual(expected.generated);
      for (const name of ['entropy', 'klToFinal', 'residualNorm'] as const) {
        found.cells[name].forEach((value, index) => {
          expect(Math.abs(value - expected.cells[name][index]!)).toBeLessThan(2e-3);
        });
      }
    },
  );

  it('has the same bytes whenever and wherever it is made, and is made once', async () => {
    const one = await prepareModel({ source, target: target('one'), format: 'int4' }, {});
    const two = await prepareModel({ source, target: target('two'), format: 'int4', blockSize: 32 }, {});
    const other = await prepareModel(
      { source, target: target('other'), format: 'int4', symmetric: true },
      {},
    );
    expect(two.id).toBe(one.id);
    expect(two.files).toEqual(one.files);
    expect(other.id).not.toBe(one.id);
    expect(readdirSync(folder).filter((name) => name.endsWith('.preparing'))).toEqual([]);
    const before = statSync(path.join(target('one'), 'weights.bin')).mtimeMs;
    await expect(prepareModel({ source, target: target('one'), format: 'int4' }, {})).resolves.toEqual(one);
    expect(statSync(path.join(target('one'), 'weights.bin')).mtimeMs).toBe(before);
    await expect(prepareModel({ source, target: target('one'), format: 'int8' }, {})).rejects.toThrow(
      'exists already',
    );
  });

  it('that was cut off is taken up where it stopped, and never lists as prepared before', async () => {
    const to = target('resumed');
    const partial = `${to}.preparing`;
    const controller = new AbortController();
    const onProgress = ({ tensor }: PrepareProgress) => {
      if (tensor !== null) controller.abort();
    };
    const request = { source, target: to, format: 'int8' } as const;
    await expect(prepareModel(request, { onProgress, signal: controller.signal })).rejects.toMatchObject({
      code: 'engine.cancelled',
    });
    expect(existsSync(to)).toBe(false);
    expect(existsSync(path.join(partial, 'prepared.json'))).toBe(false);
    const journal = path.join(partial, 'journal.jsonl');
    const finished = readFileSync(journal, 'utf8').trim().split('\n').length - 1;
    expect(finished).toBeGreaterThan(0);
    // The line that a killed process was writing.
    appendFileSync(journal, '{"name":"model.nor');
    const first: number[] = [];
    const manifest = await prepareModel(request, {
      onProgress: ({ stage, done }) => {
        if (stage === 'weights') first.push(done);
      },
    });
    expect(first[0]).toBeGreaterThan(0);
    const fresh = await prepareModel({ ...request, target: target('fresh') }, {});
    expect(manifest.files).toEqual(fresh.files);
  });

  it('whose finished part was damaged in the meantime is repaired before it gets its name', async () => {
    const to = target('repaired');
    const controller = new AbortController();
    const onProgress = ({ stage }: PrepareProgress) => {
      if (stage === 'verify') controller.abort();
    };
    const request = { source, target: to, format: 'int8' } as const;
    await expect(prepareModel(request, { onProgress, signal: controller.signal })).rejects.toThrow();
    const weights = path.join(`${to}.preparing`, 'weights.bin');
    const bytes = readFileSync(weights);
    bytes[1000]! ^= 1;
    writeFileSync(weights, bytes);
    const manifest = await prepareModel(request, {});
    const fresh = await prepareModel({ ...request, target: target('undamaged') }, {});
    expect(manifest.files).toEqual(fresh.files);
  });

  it('is refused when its weights are cut off, and is no source itself', async () => {
    const to = target('short');
    await prepareModel({ source, target: to, format: 'int8' }, {});
    await expect(prepareModel({ source: to, target: target('again'), format: 'int4' }, {})).rejects.toThrow(
      'prepared model already',
    );
    const weights = path.join(to, 'weights.bin');
    writeFileSync(weights, readFileSync(weights).subarray(0, -10));
    await expect(
      trace(fixtureRequest('qwen2-5-vl-tied-bf16', { modelDir: to }), {}, models),
    ).rejects.toMatchObject({ code: 'model.weights-truncated' });
  });
});

describe('a calibrated model', () => {
  // Float32 weights are converted where they were read, with nothing between.
  const reference = checkpointFolder('qwen2-vl-untied-f32');
  const images = ['photo-301x257.png', 'portrait-140x196.png', 'landscape-224x112.png'].map((name) =>
    path.join(fixturesFolder, 'images', name),
  );
  const calibration = { images, prompts: ['Describe this image.', 'What is this?'] };
  const request = (name: string) =>
    ({ source: reference, target: target(name), format: 'int4', calibration }) as const;

  it('is truer than one that is not, on an image and a prompt that it was not calibrated on', async () => {
    await prepareModel(request('calibrated'), {});
    await prepareModel({ source: reference, target: target('plain'), format: 'int4' }, {});
    const verify = (prepared: string) =>
      verifyModel({ prepared, reference, images: [image], prompts: ['Is this an eye?'] }, {});
    const [calibrated, plain] = [await verify(target('calibrated')), await verify(target('plain'))];
    expect(calibrated.summary.meanKl).toBeLessThan(plain.summary.meanKl / 2);
    calibrated.layers.slice(2).forEach(({ residualError }, index) => {
      expect(residualError).toBeLessThan(plain.layers[index + 2]!.residualError / 1.4);
    });
  });

  it('says on what, takes no more room, and has the same bytes when it was cut off', async () => {
    const manifest = await prepareModel(request('whole'), {});
    expect(manifest.calibration).toMatchObject({
      images: images.map((file) => ({ name: path.basename(file) })),
      prompts: calibration.prompts,
    });
    const plain = await prepareModel({ source: reference, target: target('room'), format: 'int4' }, {});
    expect(plain.calibration).toBe(null);
    expect(plain.id).not.toBe(manifest.id);
    const bytes = ({ files }: typeof plain) => files.find(({ name }) => name === 'weights.bin')!.bytes;
    expect(bytes(manifest)).toBe(bytes(plain));
    expect(readdirSync(target('whole'))).not.toContain('calibration.bin');

    const controller = new AbortController();
    const stages = new Set<string>();
    const onProgress = ({ stage, tensor }: PrepareProgress) => {
      stages.add(stage);
      if (stage === 'weights' && tensor !== null) controller.abort();
    };
    await expect(
      prepareModel(request('cut'), { onProgress, signal: controller.signal }),
    ).rejects.toMatchObject({ code: 'engine.cancelled' });
    expect(stages).toContain('calibrate');
    const again = new Set<string>();
    const resumed = await prepareModel(request('cut'), { onProgress: ({ stage }) => again.add(stage) });
    expect(again).not.toContain('calibrate');
    expect(resumed.files).toEqual(manifest.files);
  });

  it('without images is refused, and the manifest of an earlier version still loads', async () => {
    await expect(
      prepareModel({ ...request('none'), calibration: { images: [], prompts: ['x'] } }, {}),
    ).rejects.toMatchObject({ code: 'input.invalid' });
    const { id } = await prepareModel({ source: reference, target: target('older'), format: 'int8' }, {});
    const file = path.join(target('older'), 'prepared.json');
    const older = JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>;
    delete older['calibration'];
    writeFileSync(file, JSON.stringify(older));
    const { prepared } = await openCheckpoint(target('older'));
    expect(prepared).toMatchObject({ id, calibration: null });
  });
});

describe('fidelity', () => {
  it('of exact weights is perfect, of rounded ones is measured, and stays beside them', async () => {
    const reference = checkpointFolder('qwen2-vl-tied-f16');
    const verify = (prepared: string) =>
      verifyModel(
        {
          prepared,
          reference,
          images: [image],
          prompts: ['Describe this image.'],
          conceptSet: fixtureConcepts,
        },
        {},
      );
    await prepareModel({ source: reference, target: target('exact'), format: 'float16' }, {});
    const exact = await verify(target('exact'));
    expect(exact.summary).toMatchObject({ top1Agreement: 1, meanKl: 0, emergenceChanged: 0 });
    await prepareModel({ source: reference, target: target('rounded'), format: 'int4' }, {});
    const request = fixtureRequest('qwen2-vl-tied-f16', { modelDir: target('rounded') });
    expect((await trace(request, {}, models)).model.fidelity).toBe(null);
    const rounded = await verify(target('rounded'));
    expect((await trace(request, {}, models)).model.fidelity).toEqual(rounded.summary);
    const published = fixtureRequest('qwen2-vl-tied-f16', {});
    expect((await trace(published, {}, models)).model).not.toHaveProperty('fidelity');
    expect(rounded.summary.meanKl).toBeGreaterThan(0);
    expect(rounded.layers.length).toBe(exact.layers.length);
    expect(JSON.parse(readFileSync(path.join(target('rounded'), 'fidelity.json'), 'utf8'))).toEqual(rounded);
    await expect(
      verifyModel({ prepared: target('rounded'), reference: source, images: [image], prompts: ['x'] }, {}),
    ).rejects.toThrow('was not made from');
  });
});
