import { rmSync } from 'node:fs';
import fc from 'fast-check';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { fromBufferPromise } from 'yauzl';
import { imageExportSchema, studyExportSchema } from '../../../contract/exports.ts';
import { lensTraceJsonSchema } from '../../../engine/lens-trace/lens-trace.ts';
import type { LensTrace } from '../../../engine/lens-trace/lens-trace.ts';
import { sha256Hex } from '../../../store/database/canonical-json.ts';
import { openLibrary } from '../../../store/library/library.ts';
import type { Library } from '../../../store/library/library.ts';
import { addRecords, makeRecord, scratchFolder } from '../../../store/testing.ts';
import { exportImages } from '../tables/export-tables.ts';
import { exportStudy } from './study-bundle.ts';

let folder: string;
let library: Library;
beforeAll(async () => {
  folder = scratchFolder();
  library = await openLibrary(folder);
});
afterAll(() => {
  library.close();
  rmSync(folder, { recursive: true });
});

/** N = 2 layers, P = 2 positions, K = 1; the first position is an image token. */
function makeTrace(prompt: string, answer: string, sha256: string): LensTrace {
  const flat = (...values: number[]) => Float32Array.from(values);
  return {
    schema: 'fundus-lens.trace/1',
    model: {
      ...{ id: 'tiny', family: 'qwen2_5_vl', sha256: 'a'.repeat(64), numLayers: 1, dModel: 2, vocabSize: 9 },
      ...{ tokenizerSize: 9, weightDtype: 'float32', provider: 'cpu', providerRequested: 'auto' },
      providerFallback: 'cuda: no library in /home/ivanova/lib',
      device: 'Workstation of Dr Ivanova',
    },
    image: { sha256, width: 4, height: 3, resized: [28, 28], grid: [1, 2, 2] },
    prompt: {
      text: prompt,
      rendered: `<user>${prompt}`,
      tokenIds: [7, 3, 5],
      imageSpan: [0, 1],
      leaks: [],
    },
    lens: 'logit',
    positions: [0, 2],
    layers: [0, 1],
    topK: 1,
    cells: {
      topIds: Int32Array.of(1, 1, 1, 1),
      topLogProbs: flat(-0.1, -0.2, -0.3, -0.4),
      entropy: flat(1, 1, 1, 1),
      klToFinal: flat(1, 1, 0, 0),
      residualNorm: flat(1, 1, 1, 1),
    },
    tokenTexts: { 1: 'retina' },
    concepts: [],
    controls: [],
    generated: { ids: [1], text: answer, ended: true },
    gate: { maxAbsDiff: 0, tolerance: 1 },
    timings: { load: 1, image: 1, vision: 1, decoder: 1, controls: 0, lens: 1, generate: 1, total: 6 },
    software: { name: 'fundus-lens', version: '0.1.0', onnxruntime: '1', node: '24', platform: 'x' },
    warnings: [{ code: 'other', text: `the prompt "${prompt}" names a concept` }],
  };
}

async function unpack(bytes: Buffer): Promise<Map<string, Buffer>> {
  const zip = await fromBufferPromise(bytes, {});
  const entries = new Map<string, Buffer>();
  for await (const entry of zip.eachEntry()) {
    const chunks: Buffer[] = [];
    for await (const chunk of await zip.openReadStreamPromise(entry)) chunks.push(chunk as Buffer);
    entries.set(entry.fileName, Buffer.concat(chunks));
  }
  return entries;
}

/** A word that stands nowhere else, so that finding it means a leak. */
const word = fc.stringMatching(/^[А-Яа-яA-Za-z]{9,14}$/);
const person = fc.record({
  name: word,
  code: word,
  note: word,
  finding: word,
  tag: word,
  visit: word,
  camera: word,
  prompt: word,
  answer: word,
  fileName: word,
  date: fc
    .date({ min: new Date('1990-01-01'), max: new Date('2015-01-01'), noInvalidDate: true })
    .map((date) => date.toISOString().slice(0, 10)),
});

type Facts = typeof person extends fc.Arbitrary<infer T> ? T : never;

let made = 0;

/** @returns the trace's id, and everything that would tell whose it is */
async function addPerson(facts: Facts): Promise<{ traceId: number; secrets: string[] }> {
  made += 1;
  // With what a camera writes into a file, and a profile that names it.
  const picture = sharp({
    create: { width: 4, height: 3, channels: 3, background: { r: made % 250, g: 9, b: 9 } },
  });
  const bytes = await picture
    .withExif({ IFD0: { Artist: facts.name, Model: facts.camera } })
    .withIccProfile('p3')
    .jpeg()
    .toBuffer();
  const sha256 = sha256Hex(bytes);
  const managedPath = `originals/xx/${sha256}.jpg`;
  await library.files.write(managedPath, bytes);
  const studyUid = `1.2.840.${made}.99887766`;
  const image = {
    sha256,
    originalPath: `/photos/${facts.name}/${facts.fileName}.jpg`,
    storage: 'managed',
    managedPath,
    note: facts.note,
    camera: facts.camera,
    capturedAt: `${facts.date}T10:11:12`,
    sopInstanceUid: `${studyUid}.5`,
  } as const;
  const [imageId] = addRecords(library, [
    makeRecord(`${facts.fileName}.jpg`, image, {
      patient: { code: facts.code, name: facts.name, birthYear: 1950, sex: 'F' },
      visit: { key: `study ${studyUid}`, date: facts.date, label: facts.visit, studyUid },
      tags: [facts.tag],
      findings: [{ label: facts.finding, source: 'manifest' }],
    }),
  ]) as [number];
  const trace = makeTrace(facts.prompt, facts.answer, sha256);
  const traceId = library.traces.insert(trace, {
    imageId,
    contentKey: sha256Hex(`${made}`),
    conceptSet: null,
  });
  return { traceId, secrets: [...Object.values(facts), sha256, studyUid, 'Ivanova', 'ivanova'] };
}

const deidentify = { confirmBurnedInText: true } as const;

async function study(change: object): Promise<Map<string, Buffer>> {
  const { file } = await exportStudy(library, studyExportSchema.parse({ deidentify, ...change }));
  return unpack(Buffer.from(await file!.arrayBuffer()));
}

function expectNone(entries: Map<string, Buffer>, secrets: readonly string[]): void {
  for (const [name, content] of entries) {
    const text = `${name}\n${content.toString('utf8')}\n${content.toString('latin1')}`.toLowerCase();
    for (const secret of secrets) {
      expect(text.includes(secret.toLowerCase()), `${secret} in ${name}`).toBe(false);
    }
  }
}

describe('a de-identified study', () => {
  test('holds no name, date, code, hash, prompt, label or camera of the library', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(person, { minLength: 1, maxLength: 3 }),
        fc.boolean(),
        async (people, includeImages) => {
          const added = [];
          for (const facts of people) added.push(await addPerson(facts));
          const secrets = added.flatMap((one) => one.secrets);
          const entries = await study({ traceIds: added.map(({ traceId }) => traceId), includeImages });
          expectNone(entries, secrets);
          for (const [name, content] of entries) {
            if (name.startsWith('traces/')) lensTraceJsonSchema.parse(JSON.parse(content.toString()));
            if (!name.startsWith('images/')) continue;
            const { exif, icc, xmp } = await sharp(content).metadata();
            expect([exif, icc, xmp]).toEqual([undefined, undefined, undefined]);
          }
          const table = await exportImages(library, imageExportSchema.parse({ format: 'csv', deidentify }));
          expectNone(new Map([['images.csv', Buffer.from(await table.file!.arrayBuffer())]]), secrets);
        },
      ),
      { numRuns: 15 },
    );
  });

  test('names its traces and photographs anew, and says what it left in and why', async () => {
    const facts = fc.sample(person, 2);
    const added = [await addPerson(facts[0]!), await addPerson(facts[1]!)];
    const entries = await study({ traceIds: added.map(({ traceId }) => traceId) });
    expect([...entries.keys()].filter((name) => name.startsWith('traces/'))).toEqual([
      'traces/trace-00001.json',
      'traces/trace-00002.json',
    ]);
    const photograph = entries.get('images/image-00001.png')!;
    const trace = lensTraceJsonSchema.parse(JSON.parse(entries.get('traces/trace-00001.json')!.toString()));
    // The hash is of the file that is in the archive, so that a repeated trace states the same.
    expect(trace.image!.sha256).toBe(sha256Hex(photograph));
    const report = entries.get('DEIDENTIFICATION.md')!.toString();
    for (const said of ['PS3.15', 'burned', 'prompt', 'findings', 'Left in']) expect(report).toContain(said);
  });

  test('keeps prompts and findings only where that is asked for', async () => {
    const [facts] = fc.sample(person, 1) as [Facts];
    const { traceId } = await addPerson(facts);
    const entries = await study({
      traceIds: [traceId],
      deidentify: { ...deidentify, keep: ['prompts', 'findings'] },
    });
    const text = entries.get('study.json')!.toString();
    expect(text).toContain(facts.prompt);
    expect(text).toContain(facts.finding);
    expect(text).not.toContain(facts.name);
  });
});
