import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { DecoderSummary } from '../../contract/protocols/decoders.ts';
import { decodeTensors, encodeTensors } from '../../decoder/file/tensor-file.ts';
import { seededRandom } from '../../decoder/linear/random.ts';
import { fixtureModel, otherFixtureModel, settle, WorkbenchFixture } from '../workbench-fixture.ts';
import type { Workbench } from '../open-workbench.ts';

const patients = 36;
const fixture = new WorkbenchFixture();
let workbench: Workbench;
let modelId: number;
let images: number[];
let fitted: DecoderSummary;

/** Right eyes are bright on the left, left eyes on the right; exudates are there or not without a trace in the picture. */
async function writeStudy(folder: string): Promise<void> {
  await mkdir(folder);
  const random = seededRandom(5);
  const lines = ['file,patient,eye,findings'];
  for (let patient = 0; patient < patients; patient++) {
    const isRight = patient % 2 === 0;
    const pixels = Buffer.alloc(56 * 56 * 3);
    for (let at = 0; at < pixels.length; at++) {
      const isLeftHalf = Math.floor(at / 3) % 56 < 28;
      pixels[at] = (isLeftHalf === isRight ? 170 : 60) + random.below(50);
    }
    await sharp(pixels, { raw: { width: 56, height: 56, channels: 3 } })
      .png()
      .toFile(path.join(folder, `${patient}.png`));
    const findings = `${patient < 18 ? 'dr-grade-0' : 'dr-grade-2'}${patient < 3 ? '|laser' : ''}`;
    lines.push(`${patient}.png,P${patient},${isRight ? 'OD' : 'OS'},${findings}`);
  }
  await writeFile(path.join(folder, 'manifest.csv'), `${lines.join('\n')}\n`);
}

const all = { filter: {} };
const order = { name: 'Стороны', images: all, minPatients: 8 } as const;

async function failureOf(id: string): Promise<string | undefined> {
  const [task] = await settle(workbench, [id]);
  return task!.problem?.code;
}

beforeAll(async () => {
  workbench = await fixture.open();
  const folder = path.join(fixture.folder, 'study');
  await writeStudy(folder);
  const { client, imports } = workbench;
  const { importId } = await client.imports.start({
    paths: [folder],
    options: { manifest: path.join(folder, 'manifest.csv') },
  });
  await imports.wait(importId);
  images = await client.images.ids({ query: { sort: 'name' } });
  modelId = (await client.models.addFolder({ folder: fixtureModel })).id;
  const { taskId, taps } = await client.decoders.fit({ ...order, modelId, maxPixels: null });
  expect(taps).toHaveLength(patients);
  const ended = await settle(workbench, [taskId, ...taps]);
  expect(ended.map(({ state, problem }) => problem ?? state)).toEqual(ended.map(() => 'done'));
  fitted = (await client.decoders.list()).find(({ source }) => source === 'fitted')!;
}, 60_000);
afterAll(() => fixture.remove());

test('features are read once, and used by every fit', async () => {
  const { client } = workbench;
  expect(await client.decoders.tap({ modelId, images: all })).toEqual({ tasks: [], ready: patients });
  const preview = await client.decoders.preview({ modelId, images: all, minPatients: 8 });
  expect(preview).toMatchObject({ images: patients, patients, untapped: 0 });
  expect(preview.fields.map(({ field, problem }) => [field, problem?.code ?? null])).toEqual([
    ['header.eye', null],
    ['lesions.laser-scars', 'decoder.one-class'],
    ['conclusion.icdr', null],
    ['derived.retinopathy', null],
    ['derived.referable', null],
  ]);
  expect((await client.decoders.preview({ modelId, images: all, prompt: 'Eye?' })).untapped).toBe(patients);
});

test('what is in the picture is read on patients left out, and what is not stays at chance', async () => {
  const { client } = workbench;
  expect(fitted).toMatchObject({ name: 'Стороны', modelId, images: patients, layers: [0, 1, 2, 3, 4] });
  const report = await client.decoders.report({ id: fitted.id });
  const score = (id: string) => {
    const field = report.fields.find(({ field: name }) => name === id)!;
    if (field.status !== 'fitted') throw new Error(`${id} was not learnt`);
    return field;
  };
  const eye = score('header.eye');
  expect(eye.chosen.score.value).toBeGreaterThan(0.95);
  expect(eye.chosen.shuffled.high!).toBeLessThan(0.9);
  expect(score('derived.referable').chosen.score.low!).toBeLessThan(0.5);
  expect(eye.curves.map(({ set, points }) => [set, points.length])).toEqual([
    ['image-mean', 4],
    ['last-position', 4],
    ['pixels', 1],
    ['vision-output', 1],
  ]);
  expect(eye.prevalence).toBe(0.5);
});

test('a protocol is read from every layer; what cannot be told stays not assessed', async () => {
  const { client } = workbench;
  const right = await client.decoders.apply({ decoderId: fitted.id, imageId: images[0]! });
  const left = await client.decoders.apply({ decoderId: fitted.id, imageId: images[1]! });
  expect(right.layers.map(({ layer }) => layer)).toEqual([0, 1, 2, 3, 4]);
  expect(right.inTraining).toBe(true);
  const eyes = [right, left].map(({ chosen }) => chosen.protocol.values['header.eye']);
  expect(eyes).toMatchObject([
    { value: 'OD', source: 'decoder' },
    { value: 'OS', source: 'decoder' },
  ]);
  expect(eyes[0]!.certainty!).toBeGreaterThan(0.8);
  expect(right.chosen.text.en).toContain('ight eye');
  expect(left.chosen.text.ru).toMatch(/левый глаз|OS/i);
  const icdr = right.chosen.fields.find(({ field }) => field === 'conclusion.icdr')!;
  expect(icdr).toMatchObject({ status: 'abstained', value: null });
  expect(right.chosen.protocol.values).not.toHaveProperty('conclusion.icdr');
  expect(right.chosen.fields.find(({ field }) => field === 'lesions.laser-scars')).toMatchObject({
    status: 'not-learnt',
  });
  expect(right.chosen.text.en).not.toMatch(/no laser/i);
});

test('many images become a table with a row each', async () => {
  const { client } = workbench;
  const decoded = await client.decoders.applyMany({ decoderId: fitted.id, images: all, layer: 2 });
  expect(decoded.rows).toHaveLength(patients);
  const right = decoded.rows.filter(({ imageId, fields }) => {
    const eye = fields.find(({ field }) => field === 'header.eye')!;
    return (
      eye.layer === 2 &&
      eye.value === (images.indexOf(imageId) >= 0 && isRightEye(decoded.rows, imageId) ? 'OD' : 'OS')
    );
  });
  expect(right.length).toBeGreaterThan(patients * 0.8);
  const file = path.join(fixture.folder, 'decoded.csv');
  await client.decoders.exportTable({
    decoderId: fitted.id,
    images: all,
    format: 'csv',
    target: { to: 'file', path: file },
  });
  const lines = (await readFile(file, 'utf8')).trim().split('\r\n');
  expect(lines).toHaveLength(patients + 1);
  expect(lines[0]).toContain('header_eye,header_eye_certainty,header_eye_status');
  await expect(client.decoders.applyMany({ decoderId: fitted.id, images: all, layer: 9 })).rejects.toThrow(
    'does not read this layer',
  );
});

function isRightEye(rows: readonly { imageId: number; fileName: string }[], imageId: number): boolean {
  return Number.parseInt(rows.find((row) => row.imageId === imageId)!.fileName, 10) % 2 === 0;
}

test('a decoder travels as a file, and a damaged or newer one is refused', async () => {
  const { client } = workbench;
  const { file } = await client.decoders.export({ id: fitted.id });
  const bytes = new Uint8Array(await file!.arrayBuffer());
  const other = await new WorkbenchFixture().open();
  try {
    const imported = await other.client.decoders.import({ file: new File([bytes], 'a.safetensors') });
    expect(imported).toMatchObject({
      source: 'imported',
      name: 'Стороны',
      modelId: null,
      fields: fitted.fields,
    });
    expect(await other.client.decoders.report({ id: imported.id })).toEqual(
      await client.decoders.report({ id: fitted.id }),
    );
    await expect(other.client.decoders.apply({ decoderId: imported.id, imageId: 1 })).rejects.toMatchObject({
      data: { code: 'decoder.other-model' },
    });
  } finally {
    await other.close();
  }
  const refused = async (content: Uint8Array, code: string) => {
    const before = await client.decoders.list();
    await expect(
      client.decoders.import({ file: new File([Uint8Array.from(content)], 'b') }),
    ).rejects.toMatchObject({ data: { code } });
    expect(await client.decoders.list()).toEqual(before);
  };
  await refused(bytes.subarray(0, 5000), 'decoder.file-damaged');
  const { metadata, tensors } = decodeTensors(bytes);
  await refused(
    encodeTensors({ metadata: { ...metadata, version: '99' }, tensors }),
    'decoder.newer-version',
  );
});

test('labels of one class, too few patients, unknown fields and no labels are refused before anything is queued', async () => {
  const { client } = workbench;
  const before = await client.tasks.counts({});
  const fit = (change: object) => client.decoders.fit({ ...order, modelId, ...change });
  const code = (value: string) => ({ data: { code: value } });
  await expect(fit({ fields: ['lesions.laser-scars'] })).rejects.toMatchObject(code('decoder.one-class'));
  await expect(fit({ fields: ['derived.referable'], minPatients: 20 })).rejects.toMatchObject(
    code('decoder.too-few-patients'),
  );
  await expect(fit({ fields: ['disc.pathology'] })).rejects.toMatchObject(code('input.invalid'));
  await expect(fit({ findings: false })).rejects.toMatchObject(code('decoder.no-fields'));
  expect(await client.tasks.counts({})).toEqual(before);
});

test('a decoder is for its own model: another edition has no features of its own and is not read', async () => {
  const { client } = workbench;
  const other = await client.models.addFolder({ folder: otherFixtureModel });
  expect((await client.decoders.preview({ modelId: other.id, images: all })).untapped).toBe(patients);
  expect(fitted.modelSha256).not.toBe(other.sha256);
});

test('what a model says stands beside what is encoded in it', async () => {
  const { client } = workbench;
  const { tasks } = await client.decoders.ask({
    decoderId: fitted.id,
    images: { ids: images.slice(0, 6) },
    questions: ['right-eye'],
  });
  expect(tasks).toHaveLength(6);
  const ended = await settle(workbench, tasks);
  expect(ended.map(({ problem }) => problem)).toEqual(ended.map(() => null));
  const again = await client.decoders.ask({
    decoderId: fitted.id,
    images: { ids: images.slice(0, 6) },
    questions: ['right-eye'],
  });
  expect(again).toEqual({ tasks: [], ready: 6 });
  const { rows, missing } = await client.decoders.said({ decoderId: fitted.id, images: all });
  expect(missing).toBe(patients - 6);
  const eye = rows.find(({ question }) => question === 'right-eye')!;
  expect(eye).toMatchObject({ images: patients, positives: patients / 2, prevalence: 0.5 });
  expect(eye.answers.map(({ language, points }) => [language, points.length])).toEqual([
    ['en', 4],
    ['ru', 4],
  ]);
  expect(['encoded-not-said', 'encoded-and-said']).toContain(eye.verdict);
  expect(eye.chosen).toMatchObject({ score: fitted.fields[0]!.score, layer: fitted.fields[0]!.layer });
  expect(rows.find(({ question }) => question === 'referable')!.verdict).toBe('not-measured');
  const [answer] = await client.decoders.answers({ decoderId: fitted.id, imageId: images[0]! });
  expect(answer).toMatchObject({ question: 'right-eye', field: 'header.eye', yes: ['OD'], no: ['OS'] });
  const signs = answer!.margins.map(({ points }) => points.at(-1)! > 0);
  expect(answer!.says).toBe(signs[0] === signs[1] ? (signs[0] ? 'yes' : 'no') : 'unclear');
  expect(await client.decoders.answers({ decoderId: fitted.id, imageId: images.at(-1)! })).toEqual([]);
});

test('a fit that fails leaves no decoder, and names its reason', async () => {
  const { client } = workbench;
  const before = (await client.decoders.list()).length;
  await client.tasks.pauseQueue();
  const { taskId, taps } = await client.decoders.fit({ ...order, modelId, prompt: 'Eye?' });
  await client.tasks.cancel({ ids: taps });
  await client.tasks.resumeQueue();
  expect(await failureOf(taskId)).toBe('decoder.features-missing');
  expect(await client.decoders.list()).toHaveLength(before);
});
