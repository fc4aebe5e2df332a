/* eslint-disable no-console -- prints a table */
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { ImageQuery } from '../electron/contract/image-query.ts';
import type { PageStart } from '../electron/contract/images/images.ts';
import { openLibrary } from '../electron/store/library/library.ts';
import type { Library } from '../electron/store/library/library.ts';
import { generateRecord, generateTrace } from './fixtures/generated-records.ts';

export interface LibraryMeasurement {
  readonly what: string;
  /** Median and worst of the repetitions, milliseconds. */
  readonly median: number;
  readonly worst: number;
  /** What it must stay under, milliseconds; null where nothing was promised. */
  readonly limit: number | null;
}

const numImages = 100_000;
const numTraces = 10_000;
const repetitions = 7;

/** Fills a library with generated metadata and measures what a person waits for. */
export async function runLibraryBench(images = numImages, traces = numTraces): Promise<LibraryMeasurement[]> {
  const folder = mkdtempSync(path.join(tmpdir(), 'библиотека 100 000 '));
  try {
    const filling = performance.now();
    await fill(folder, images, traces);
    const filled = performance.now() - filling;
    const bytes = statSync(path.join(folder, 'library.sqlite')).size;
    const results = [
      { what: `fill with ${images} images, ${traces} traces`, median: filled, worst: filled, limit: null },
      ...(await measure(folder)),
    ];
    print(results, bytes);
    return results;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function fill(folder: string, images: number, traces: number): Promise<void> {
  const library = await openLibrary(folder);
  const importId = library.imports.begin([]);
  const batch = 1000;
  for (let start = 0; start < images; start += batch) {
    const records = Array.from({ length: Math.min(batch, images - start) }, (_, i) =>
      generateRecord(start + i),
    );
    library.imports.commit(importId, records, []);
  }
  library.imports.finish(importId, 'done');
  for (let start = 0; start < traces; start += batch) {
    library.transaction(() => {
      for (let i = start; i < Math.min(start + batch, traces); i++) {
        const context = { imageId: 1 + i * Math.floor(images / traces), contentKey: null, conceptSet: null };
        library.traces.insert(generateTrace(i, null), context);
      }
    });
  }
  const group = library.groups.create('Когорта');
  library.groups.addImages(
    group.id,
    Array.from({ length: Math.floor(images / 20) }, (_, i) => 1 + i * 20),
  );
  library.close();
}

async function measure(folder: string): Promise<LibraryMeasurement[]> {
  const results: LibraryMeasurement[] = [];
  const opening: number[] = [];
  for (let i = 0; i < repetitions; i++) {
    const start = performance.now();
    const opened = await openLibrary(folder);
    opened.search.page({});
    opening.push(performance.now() - start);
    opened.close();
  }
  results.push(summarise('open and first page', opening, 1000));
  const library = await openLibrary(folder);
  try {
    for (const [what, limit, work] of steps(library)) {
      const times: number[] = [];
      for (let i = 0; i < repetitions; i++) {
        const start = performance.now();
        work();
        times.push(performance.now() - start);
      }
      results.push(summarise(what, times, limit));
    }
  } finally {
    library.close();
  }
  return results;
}

function steps(library: Library): [string, number, () => void][] {
  const modelId = library.models.list()[0]!.id;
  const pageAndCount = (query: ImageQuery, start: PageStart = {}) => {
    library.search.page(query, start);
    library.search.count(query);
  };
  const filters: [string, ImageQuery][] = [
    ['no filter, by capture time', {}],
    ['no filter, newest first', { descending: true }],
    ['no filter, by name', { sort: 'name' }],
    ['no filter, by patient', { sort: 'patient' }],
    ['right eye', { filter: { lateralities: ['R'] } }],
    ['right eye, by name', { filter: { lateralities: ['R'] }, sort: 'name' }],
    ['left eye and OPT', { filter: { lateralities: ['L'], modalities: ['OPT'] } }],
    ['one year', { filter: { capturedFrom: '2014-01-01', capturedTo: '2014-12-31' } }],
    ['one patient', { filter: { patientId: 5000 } }],
    ['group of 5000', { filter: { groupId: 1 } }],
    ['traced by the model', { filter: { traced: { is: true, modelId } } }],
    ['not traced by the model, by name', { filter: { traced: { is: false, modelId } }, sort: 'name' }],
    ['concept emerged at layers 2–3', { filter: { emergence: { conceptId: 'retina', from: 2, to: 3 } } }],
  ];
  const texts: [string, ImageQuery][] = [
    ['code P4711', { filter: { text: 'P4711' } }],
    ['name Пациентов (all images)', { filter: { text: 'Пациентов' } }],
    ['finding отек макулы', { filter: { text: 'отек макулы' } }],
    ['prefix дру', { filter: { text: 'дру' } }],
    ['generated text, by relevance', { filter: { text: 'сетчатка' }, sort: 'relevance' }],
    ['finding, by relevance', { filter: { text: 'кровоизлияние' }, sort: 'relevance' }],
    ['text and right eye, by name', { filter: { text: 'topcon OR P12', lateralities: ['R'] }, sort: 'name' }],
    ['no match', { filter: { text: 'ничегонет' } }],
  ];
  return [
    ...filters.map(([what, query]): [string, number, () => void] => [
      `first page + count: ${what}`,
      50,
      () => pageAndCount(query),
    ]),
    ...filters.map(([what, query]): [string, number, () => void] => [
      `jump to end: ${what}`,
      50,
      () => library.search.page(query, { end: true }),
    ]),
    ['jump to offset 50 000', 50, () => library.search.page({}, { offset: 50_000 })],
    ['all ids in order', 200, () => library.search.ids({})],
    ...texts.map(([what, query]): [string, number, () => void] => [
      `search + count: ${what}`,
      100,
      () => pageAndCount(query),
    ]),
  ];
}

function summarise(what: string, times: number[], limit: number): LibraryMeasurement {
  const sorted = times.toSorted((a, b) => a - b);
  return { what, median: sorted[sorted.length >> 1]!, worst: sorted.at(-1)!, limit };
}

function print(results: readonly LibraryMeasurement[], bytes: number): void {
  console.log(`library.sqlite: ${(bytes / 1e6).toFixed(0)} MB`);
  console.log('| what | median ms | worst ms | limit ms | |');
  console.log('| --- | --- | --- | --- | --- |');
  for (const { what, median, worst, limit } of results) {
    const verdict = limit === null ? '' : worst <= limit ? 'ok' : 'TOO SLOW';
    console.log(`| ${what} | ${median.toFixed(1)} | ${worst.toFixed(1)} | ${limit ?? '–'} | ${verdict} |`);
  }
}
