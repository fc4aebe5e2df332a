/* eslint-disable no-console -- prints a table */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import SqliteDatabase from 'better-sqlite3';
import { openLibrary } from '../electron/store/library/library.ts';
import { createWorkbench } from '../electron/workbench/open-workbench.ts';
import { generateRecord, generateTrace } from './fixtures/generated-records.ts';
import { median } from './median.ts';

const count = 10_000;
const numLayers = 29;
const repetitions = 5;
const conceptIds = Array.from({ length: 53 }, (_, index) => `concept-${index}`);

/** Statistics of 10,000 traces of a 7B model's depth, 53 concepts in one table: the time to the answer, and how long others wait. */
export async function runGroupsBench(): Promise<void> {
  const folder = mkdtempSync(path.join(tmpdir(), 'группы 10 000 '));
  const libraryFolder = path.join(folder, 'library');
  try {
    const { groupIds, modelId } = await fill(libraryFolder);
    const cacheFolder = path.join(folder, 'cache');
    const bare = { samplesFolder: null, demoModelFolder: null, runQueue: false };
    const workbench = await createWorkbench({ libraryFolder, cacheFolder, ...bare });
    const [all, half, other] = groupIds as [number, number, number];
    console.log(
      '| what | median ms | worst ms | longest wait of another call, ms |\n| --- | --- | --- | --- |',
    );
    for (const [what, groupId, controlGroupId] of [
      ['10,000 traces', all, null],
      ['5,000 against 5,000', half, other],
    ] as const) {
      const times: number[] = [];
      const delay = monitorEventLoopDelay({ resolution: 1 });
      delay.enable();
      for (let run = 0; run < repetitions; run++) {
        const started = performance.now();
        const order = { groupId, controlGroupId, modelId, conceptId: conceptIds[0]!, conceptIds };
        await workbench.client.groups.statistics(order);
        times.push(performance.now() - started);
      }
      delay.disable();
      const numbers = [median(times), Math.max(...times), delay.max / 1e6];
      console.log(`| ${what} | ${numbers.map((value) => value.toFixed(0)).join(' | ')} |`);
    }
    await workbench.close();
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function fill(folder: string): Promise<{ groupIds: number[]; modelId: number }> {
  const library = await openLibrary(folder);
  const importId = library.imports.begin([]);
  const groups = ['all', 'half', 'other'].map((name) => library.groups.create(name));
  for (let start = 0; start < count; start += 1000) {
    const records = Array.from({ length: 1000 }, (_, index) => generateRecord(start + index));
    library.imports.commit(importId, records, []);
    library.transaction(() => {
      for (let index = start; index < start + 1000; index++) {
        const context = { imageId: index + 1, contentKey: null, conceptSet: null };
        library.traces.insert(generateTrace(index, null), context);
      }
    });
    const ids = records.map((_, index) => start + index + 1);
    library.groups.addImages(groups[0]!.id, ids);
    library.groups.addImages(groups[start < count / 2 ? 1 : 2]!.id, ids);
  }
  library.imports.finish(importId, 'done');
  const { modelId } = library.traces.summary(1);
  library.close();
  widen(path.join(folder, 'library.sqlite'));
  return { groupIds: groups.map(({ id }) => id), modelId };
}

/** Gives the small traces the curves of large ones, which are all that statistics read of them. */
function widen(file: string): void {
  const database = new SqliteDatabase(file);
  const { lastInsertRowid } = database
    .prepare('INSERT INTO curve_concepts (conceptIds) VALUES (?)')
    .run(JSON.stringify(conceptIds));
  const update = database.prepare(
    "UPDATE trace_curves SET conceptsId = ?, reading = 'words', numLayers = ?, logProbs = ?, emergence = ? WHERE traceId = ?",
  );
  database.transaction(() => {
    for (let trace = 1; trace <= count; trace++) {
      const curves = Float32Array.from(
        { length: conceptIds.length * numLayers },
        (_, index) => -9 + (index % numLayers) / 5 + Math.sin(trace * 1.3 + index),
      );
      const layers = conceptIds.map((_, concept) =>
        (trace + concept) % 3 === 0 ? 0 : 1 + ((trace * 7 + concept) % 28),
      );
      update.run(lastInsertRowid, numLayers, Buffer.from(curves.buffer), Buffer.from(layers), trace);
    }
  })();
  database.close();
}
