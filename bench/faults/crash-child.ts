import { writeSync } from 'node:fs';
import { importFiles } from '../../electron/ingest/import-files.ts';
import { openLibrary } from '../../electron/store/library/library.ts';
import type { Library } from '../../electron/store/library/library.ts';
import { generateTrace } from '../fixtures/generated-records.ts';

/**
 * The process that the crash test kills. It says on standard output what was acknowledged, a line each, written at once
 * so that a kill cannot hold a line back.
 */
const [mode, folder, source] = process.argv.slice(2);
if (folder === undefined) throw new Error('expected a mode and a folder');

say('ready');
const library = await openLibrary(folder);
say('open');
if (mode === 'import') await runImport(library, source!);
else if (mode === 'jobs') runQueue(library);
library.close();
say('end');

async function runImport({ imports: store, files, paths }: Library, from: string): Promise<void> {
  const options = { sources: [from], store, files, paths, batchSize: 3 };
  for await (const event of importFiles(options)) {
    if (event.type !== 'committed') continue;
    for (const { status, sha256 } of event.entries) if (status === 'added') say(`image ${sha256}`);
  }
}

/** Every job is claimed, traced and finished; a job that runs twice would be seen twice. */
function runQueue({ queue, traces }: Library): void {
  const worker = `process ${process.pid}`;
  queue.recover(() => false);
  for (let task = queue.claim({ worker }); task !== undefined; task = queue.claim({ worker })) {
    const { id, contentKey: key } = task;
    say(`run ${id}`);
    const trace = generateTrace(id, null);
    const extra = new Float32Array(1_100_000).fill(id);
    const extraArrays = [{ name: 'hidden', dtype: 'float32', shape: [extra.length], array: extra } as const];
    const store = () =>
      traces.insert(trace, { imageId: null, contentKey: key, conceptSet: null, extraArrays });
    if (queue.finish(id, worker, store)) say(`done ${id}`);
  }
}

function say(line: string): void {
  writeSync(1, `${line}\n`);
}
