import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parquetMetadata, parquetReadObjects } from 'hyparquet';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { readPdfText } from '../../../e2e/pdf-text.ts';
import { readVerdict } from '../../engine/lens-trace/read-verdict.ts';
import { listVerdict } from '../../engine/readability/verdict.ts';
import { lensTraceJsonSchema } from '../../engine/lens-trace/lens-trace.ts';
import type { LensTrace } from '../../engine/lens-trace/lens-trace.ts';
import { unpackTrace } from '../../engine/lens-trace/codec.ts';
import { fixtureImage, fixtureModel, importFolder, settle, WorkbenchFixture } from '../workbench-fixture.ts';
import type { Workbench } from '../open-workbench.ts';
import { readZip } from './read-zip.test-data.ts';

const fixture = new WorkbenchFixture();
let workbench: Workbench;
let traceIds: number[];
let trace: LensTrace;

beforeAll(async () => {
  workbench = await fixture.open();
  const { client } = workbench;
  const folder = fixture.source({});
  // A photograph that says in its metadata whose it is.
  const named = await sharp(fixtureImage('square-112x112.png'))
    .withExif({ IFD0: { Artist: 'Иванова Мария' } })
    .jpeg()
    .toBuffer();
  writeFileSync(path.join(folder, 'Иванова_OD.jpg'), named);
  writeFileSync(path.join(folder, 'b_OS.png'), readFileSync(fixtureImage('tiny-45x38.png')));
  const ids = await importFolder(workbench, folder);
  await client.images.update({
    ids,
    change: { patient: { code: 'К-77' }, visit: { date: '2024-02-29' }, note: 'Иванова' },
  });
  const { id: modelId } = await client.models.addFolder({ folder: fixtureModel });
  const order = { images: { ids }, modelId, prompts: ['Describe "this", =image.'], conceptSetId: 'fundus' };
  const { added } = await client.traces.enqueue({ ...order, topK: 4, generate: 1, positions: 'all' });
  traceIds = (await settle(workbench, added)).map(({ traceId }) => traceId!);
  trace = unpackTrace(await (await client.traces.cells({ id: traceIds[0]! })).arrayBuffer());
}, 60_000);
afterAll(() => fixture.remove());

async function bytesOf({ file }: { file: File | null }): Promise<Buffer> {
  return Buffer.from(await file!.arrayBuffer());
}

describe('tables', () => {
  test('CSV, Parquet and JSON carry the same numbers, with their provenance', async () => {
    const { client } = workbench;
    const [traceId] = traceIds;
    const numRows = trace.layers.length * trace.positions.length * 4;
    const parquet = await bytesOf(await client.exports.traces({ traceIds: [traceId!], format: 'parquet' }));
    const buffer = Uint8Array.from(parquet).buffer;
    const rows = await parquetReadObjects({ file: buffer });
    expect(rows).toHaveLength(numRows);
    expect(Float32Array.from(rows, (row) => Number(row['log_prob']))).toEqual(trace.cells.topLogProbs);
    expect(Int32Array.from(rows, (row) => Number(row['token_id']))).toEqual(trace.cells.topIds);
    expect(rows[0]).toMatchObject({
      model_sha256: trace.model.sha256,
      prompt: trace.prompt.text,
      lens: 'logit',
      provider: trace.model.provider,
      provider_fallback: trace.model.providerFallback,
      device: trace.model.device,
    });
    expect(trace.model.device).toBeTypeOf('string');
    expect(trace.model.providerFallback).toContain('cuda');
    expect(parquetMetadata(buffer).key_value_metadata?.[0]?.key).toBe('fundus-lens');

    const csv = (
      await bytesOf(await client.exports.traces({ traceIds: [traceId!], format: 'csv' }))
    ).toString();
    expect(csv.startsWith('\uFEFFtrace_id,')).toBe(true);
    expect(csv.trimEnd().split('\r\n').length).toBeGreaterThanOrEqual(numRows + 1);
    expect(csv).toContain('"Describe ""this"", =image."');

    const json = (await bytesOf(await client.exports.traces({ traceIds, format: 'json' }))).toString();
    const documents = z.array(lensTraceJsonSchema).parse(JSON.parse(json));
    expect(documents).toHaveLength(2);
    expect(Float32Array.from(documents[0]!.cells.topLogProbs.flat(2))).toEqual(trace.cells.topLogProbs);
  });

  test('a file appears whole, and an existing one is replaced only when that is allowed', async () => {
    const { client } = workbench;
    const file = path.join(fixture.folder, 'Таблица.csv');
    const order = { traceIds, table: 'summary', format: 'csv' } as const;
    const written = await client.exports.traces({ ...order, target: { to: 'file', path: file } });
    expect(written).toMatchObject({ path: file, file: null, bytes: readFileSync(file).byteLength });
    await expect(
      client.exports.traces({ ...order, target: { to: 'file', path: file } }),
    ).rejects.toMatchObject({
      code: 'PROBLEM',
      data: { code: 'output.unwritable' },
    });
    await client.exports.traces({ ...order, target: { to: 'file', path: file, overwrite: true } });
  });
});

describe('hidden states', () => {
  test('rows of the residual stream, pre-norm, as npy and safetensors', async () => {
    const { client } = workbench;
    const layers = [0, trace.model.numLayers];
    const positions = [3, 5];
    const norms = layers.flatMap((layer) =>
      positions.map(
        (position) =>
          trace.cells.residualNorm[layer * trace.positions.length + trace.positions.indexOf(position)]!,
      ),
    );
    for (const format of ['npy', 'safetensors'] as const) {
      const result = await client.exports.hiddenStates({
        traceIds: traceIds.slice(0, 1),
        layers,
        positions,
        format,
      });
      const entries = await readZip(await bytesOf(result));
      const manifest = z
        .object({ norm: z.string(), shape: z.array(z.number()), model: z.object({ sha256: z.string() }) })
        .parse(JSON.parse(entries.get('manifest.json')!.toString()));
      expect(manifest).toMatchObject({
        shape: [2, 2, trace.model.dModel],
        model: { sha256: trace.model.sha256 },
      });
      expect(manifest.norm).toContain('pre-norm');
      const data = entries.get(`hidden-states.${format}`)!;
      const size = 4 * trace.model.dModel * 4;
      const values = new Float32Array(Uint8Array.from(data.subarray(data.length - size)).buffer);
      for (const [row, norm] of norms.entries()) {
        const slice = values.subarray(row * trace.model.dModel, (row + 1) * trace.model.dModel);
        expect(Math.hypot(...slice)).toBeCloseTo(norm, 3);
      }
    }
    expect(existsSync(path.join(fixture.folder, 'cache/dumps'))).toBe(true);
  });

  test('of several traces lie in a folder each', async () => {
    const { client } = workbench;
    const chosen = traceIds.slice(0, 2);
    const result = await client.exports.hiddenStates({ traceIds: chosen, layers: [1], format: 'npy' });
    const entries = await readZip(await bytesOf(result));
    expect([...entries.keys()]).toEqual(
      chosen.flatMap((id) => [`trace-${id}/manifest.json`, `trace-${id}/hidden-states.npy`]),
    );
    const ids = chosen.map(
      (id) =>
        z
          .object({ traceId: z.number() })
          .parse(JSON.parse(entries.get(`trace-${id}/manifest.json`)!.toString())).traceId,
    );
    expect(ids).toEqual(chosen);
  });

  test('a layer or position that does not exist is refused', async () => {
    const order = { traceIds: traceIds.slice(0, 1), format: 'npy' as const };
    const refused = (code: string) => ({ data: { code } });
    const { hiddenStates } = workbench.client.exports;
    await expect(hiddenStates({ ...order, layers: [99] })).rejects.toMatchObject(refused('input.invalid'));
    await expect(hiddenStates({ ...order, layers: [0], positions: [9999] })).rejects.toMatchObject(
      refused('trace.positions'),
    );
  });
});

describe('study bundle', () => {
  test('holds whole traces, photographs, concepts and instructions, with their hashes', async () => {
    const entries = await readZip(
      await bytesOf(await workbench.client.exports.study({ traceIds, title: 'Проба' })),
    );
    const names = [...entries.keys()];
    expect(names.filter((name) => name.startsWith('images/'))).toHaveLength(2);
    expect(names.filter((name) => name.startsWith('concept-sets/'))).toHaveLength(1);
    for (const id of traceIds) {
      lensTraceJsonSchema.parse(JSON.parse(entries.get(`traces/trace-${id}.json`)!.toString()));
    }
    expect(entries.get('README.md')!.toString()).toContain('fundus-lens trace');
    expect(entries.get('SHA256SUMS')!.toString().trim().split('\n')).toHaveLength(names.length - 1);
    expect(entries.get('study.json')!.toString()).toContain('К-77');
  });

  test('de-identified: no code, name, date, note or metadata of a person is anywhere in it', async () => {
    const { client } = workbench;
    const result = await client.exports.study({ traceIds, deidentify: { confirmBurnedInText: true } });
    const entries = await readZip(await bytesOf(result));
    for (const [name, content] of entries) {
      for (const secret of ['К-77', 'Иванова', 'Мария', '2024-02-29']) {
        expect(name.includes(secret)).toBe(false);
        expect(content.includes(Buffer.from(secret))).toBe(false);
      }
      if (name.startsWith('images/')) expect((await sharp(content).metadata()).exif).toBeUndefined();
    }
    const table = await client.exports.images({ format: 'csv', deidentify: { confirmBurnedInText: true } });
    const csv = (await bytesOf(table)).toString();
    expect(csv).not.toMatch(/К-77|Иванова|2024-02-29/);
    expect(csv).toMatch(/P-[0-9A-F]{8}/);
  });

  test('without the confirmation about burned-in text nothing is exported', async () => {
    const deidentify = { confirmBurnedInText: false } as unknown as { confirmBurnedInText: true };
    await expect(workbench.client.exports.study({ traceIds, deidentify })).rejects.toMatchObject({
      data: { code: 'input.invalid' },
    });
  });
});

test('the report says what it is in both languages, and escapes what was typed', async () => {
  const { client } = workbench;
  const english = (await bytesOf(await client.exports.report({ traceIds }))).toString();
  expect(english).toContain('no medical device');
  expect(english).toContain('Describe &quot;this&quot;, =image.');
  expect(english).toContain('Better providers not used');
  expect(english).toContain(`${trace.model.provider} (asked: auto), ${trace.model.device?.slice(0, 5)}`);
  const russian = (await bytesOf(await client.exports.report({ traceIds, language: 'ru' }))).toString();
  expect(russian).toContain('не медицинское изделие');
});

test('a report as a PDF begins with the verdict, and can be read', async () => {
  const result = await workbench.client.exports.report({ traceIds, language: 'ru', format: 'pdf' });
  expect(result).toMatchObject({ name: 'report.pdf', contentType: 'application/pdf' });
  const pdf = await bytesOf(result);
  expect(pdf.subarray(0, 5).toString('latin1')).toBe('%PDF-');
  expect(pdf.toString('latin1')).toMatch(/\/Subtype\s*\/Image/);
  const words = readPdfText(pdf).replace(/\s+/g, ' ');
  const [first] = listVerdict(readVerdict(trace, 'ru')!);
  expect(words).toContain(first);
  expect(words.indexOf(first!)).toBeLessThan(words.indexOf('Код пациента'));
  expect(words).toContain(trace.model.sha256.slice(0, 12));
  expect(words).toContain('не медицинское изделие');
});

test('a trace of prepared weights carries how true they are, also when that was measured later', async () => {
  const { client, tasks } = workbench;
  const { id: original } = await client.models.addFolder({ folder: fixtureModel });
  const preparing = await client.models.prepare({ id: original, format: 'int8' });
  const modelId = (await tasks.wait(preparing.taskId)).modelId!;
  const [imageId] = (await client.traces.list({})).map((summary) => summary.imageId!);
  const { added } = await client.traces.enqueue({
    images: { ids: [imageId!] },
    modelId,
    prompts: ['What is this?'],
    conceptSetId: 'fundus',
    generate: 0,
  });
  const [job] = await settle(workbench, added);
  const traceId = job!.traceId!;
  const fidelityNow = async () => (await client.traces.get({ id: traceId })).header.model.fidelity;
  const reportNow = async () =>
    (await bytesOf(await client.exports.report({ traceIds: [traceId] }))).toString();
  expect(await fidelityNow()).toBe(null);
  expect(await reportNow()).toContain('not measured');

  const verifying = await client.models.verify({ id: modelId, prompts: ['What is this?'] });
  await tasks.wait(verifying.taskId);
  const { summary } = (await client.models.list()).find(({ id }) => id === modelId)!.fidelity!;
  expect(await fidelityNow()).toEqual(summary);
  expect(await reportNow()).toContain(
    `${(100 * summary.worstLayerTop1Agreement).toFixed(1)} % at the worst layer`,
  );
  expect((await client.traces.get({ id: traceIds[0]! })).header.model.fidelity).toBeUndefined();
});
