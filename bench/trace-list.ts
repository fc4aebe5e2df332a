/* eslint-disable no-console -- prints a table */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { LensTrace } from '../electron/engine/lens-trace/lens-trace.ts';
import { createWorkbench } from '../electron/workbench/open-workbench.ts';
import type { WorkbenchClient } from '../electron/workbench/open-workbench.ts';
import { openLibrary } from '../electron/store/library/library.ts';
import { generateRecord, generateTrace } from './fixtures/generated-records.ts';
import { median } from './median.ts';

const count = 100_000;
const repetitions = 9;

type Filter = Parameters<WorkbenchClient['traces']['count']>[0];

/** A library of 100,000 images with a trace each: what a person waits for in the list of traces. */
export async function runTraceListBench(): Promise<void> {
  const folder = mkdtempSync(path.join(tmpdir(), 'трассировки 100 000 '));
  try {
    const library = path.join(folder, 'library');
    await fill(library);
    const opening: number[] = [];
    const open = () =>
      createWorkbench({
        libraryFolder: library,
        cacheFolder: path.join(folder, 'cache'),
        samplesFolder: null,
        demoModelFolder: null,
        runQueue: false,
      });
    for (let run = 0; run < 3; run++) {
      const started = performance.now();
      const workbench = await open();
      await firstPage(workbench.client, {});
      opening.push(performance.now() - started);
      await workbench.close();
    }
    console.log('| what | median ms | worst ms | limit ms |\n| --- | --- | --- | --- |');
    report('library and list opened, first page and count', opening, 1000);
    const workbench = await open();
    const { client } = workbench;
    const filters: [string, Filter][] = [
      ['no filter', {}],
      ['right eye', { lateralities: ['R'] }],
      ['not readable', { verdicts: ['not-readable'] }],
      ['raw lens', { lenses: ['raw'] }],
      ['one patient', { patientId: 5000 }],
      ['a word of a quarter of the answers', { text: 'сетчатка' }],
      ['a word of the prompt (all)', { text: 'What' }],
      ['a finding', { text: 'друзы' }],
      ['a patient’s code', { text: 'P4711' }],
      ['two words and an eye', { text: 'retina P12', lateralities: ['L'] }],
      ['no match', { text: 'ничегонет' }],
    ];
    for (const order of ['newest', 'layer', 'patient'] as const) {
      for (const [what, filter] of filters) {
        report(`${order}: ${what}`, await timed(() => firstPage(client, { ...filter, order })), 50);
      }
      report(
        `${order}: jump to the end`,
        await timed(() => client.traces.list({ order, limit: 60, skip: count - 60 })),
        null,
      );
    }
    await workbench.close();
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function firstPage(
  client: WorkbenchClient,
  { order = 'newest', ...filter }: Filter & { order?: 'newest' | 'layer' | 'patient' },
): Promise<void> {
  await client.traces.count(filter);
  await client.traces.list({ ...filter, order, limit: 60 });
}

async function timed(work: () => Promise<unknown>): Promise<number[]> {
  const times: number[] = [];
  for (let run = 0; run < repetitions; run++) {
    const started = performance.now();
    await work();
    times.push(performance.now() - started);
  }
  return times;
}

function report(what: string, times: readonly number[], limit: number | null): void {
  const worst = Math.max(...times);
  const verdict = limit === null ? '–' : `${limit}${worst <= limit ? '' : ' TOO SLOW'}`;
  console.log(`| ${what} | ${median([...times]).toFixed(1)} | ${worst.toFixed(1)} | ${verdict} |`);
}

async function fill(folder: string): Promise<void> {
  const library = await openLibrary(folder);
  const importId = library.imports.begin([]);
  for (let start = 0; start < count; start += 1000) {
    const records = Array.from({ length: 1000 }, (_, index) => generateRecord(start + index));
    library.imports.commit(importId, records, []);
    library.transaction(() => {
      for (let index = start; index < start + 1000; index++) {
        library.traces.insert(judgedTrace(index), { imageId: index + 1, contentKey: null, conceptSet: null });
      }
    });
  }
  library.imports.finish(importId, 'done');
  library.close();
}

/** Readable from layers 1 to 4, or not readable. */
function judgedTrace(index: number): LensTrace {
  const trace = generateTrace(index, null);
  const [concept] = trace.concepts;
  const layer = index % 4 === 0 ? null : 1 + (index % 4);
  const finding = {
    state: layer === null ? ('not-readable' as const) : ('readable' as const),
    layer,
    layers: trace.layers.map(() => ({ p: 0.02, effect: 1.2 })),
    tokenP: null,
    q: 0.04,
    ...{ numControls: 56, attainableP: 0.018, leftOut: [] },
  };
  return { ...trace, lens: index % 10 === 0 ? 'raw' : 'logit', concepts: [{ ...concept!, finding }] };
}
