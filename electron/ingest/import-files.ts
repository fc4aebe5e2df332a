import { createHash } from 'node:crypto';
import type { ImportCounts, ImportEntry } from '../contract/imports/imports.ts';
import type { ImportMiss, ImportStore } from '../contract/imports/import-store.ts';
import { FundusLensError } from '../contract/errors.ts';
import { importStatuses } from '../contract/imports/imports.ts';
import { commitBatch, concernsLibrary, unexpectedFile } from './commit-batch.ts';
import type { Prepared } from './commit-batch.ts';
import { defaultLimits, ImportFailure } from './import-failure.ts';
import type { ImportLimits } from './import-failure.ts';
import type { ImportOptions } from './import-options.ts';
import { loadDatasets, noDatasets } from './datasets/load-datasets.ts';
import type { LoadedDatasets } from './datasets/load-datasets.ts';
import { loadManifest } from './manifest/load-manifest.ts';
import { mapInOrder } from './map-in-order.ts';
import { prepareRecord } from './prepare-record.ts';
import { miss } from './sources/source-item.ts';
import type { SourceItem } from './sources/source-item.ts';
import { walkSources } from './sources/walk-sources.ts';

export type ImportEvent =
  | { readonly type: 'started'; readonly importId: number }
  /** These are committed: a crash from now on does not lose them. */
  | { readonly type: 'committed'; readonly entries: readonly ImportEntry[]; readonly counts: ImportCounts }
  | {
      readonly type: 'finished';
      readonly importId: number;
      readonly cancelled: boolean;
      readonly counts: ImportCounts;
    };

/** Rows of a manifest per transaction; they bring no pixels with them. */
const rowsPerCommit = 1000;

/**
 * Takes everything under the sources into the library, batch by batch. A bad file is listed with its reason and never
 * stops the rest; an abort ends after the batch at hand, and what was committed stays.
 *
 * @throws only what concerns the library itself, such as library.disk-full; everything committed before is kept
 */
export async function* importFiles(options: ImportOptions): AsyncGenerator<ImportEvent> {
  const { store, signal, batchSize = 32, concurrency = 2, limits = defaultLimits, onDefect } = options;
  const importId = store.begin(options.sources);
  const counts = Object.fromEntries(importStatuses.map((status) => [status, 0])) as ImportCounts;
  const commit = (batch: readonly Prepared[]): ImportEvent => {
    const entries = commitBatch(store, importId, batch, onDefect);
    for (const { status } of entries) counts[status]++;
    return { type: 'committed', entries, counts: { ...counts } };
  };
  let batch: Prepared[] = [];
  let finished = false;
  let cause: unknown;
  try {
    yield { type: 'started', importId };
    const manifest = await loadManifest(options.manifest ?? null, limits);
    const { protocolSchema = null } = options;
    const datasets =
      protocolSchema === null ? noDatasets : await loadDatasets(options.sources, protocolSchema);
    for (const rows of chunksOf([...manifest.problems, ...datasets.notes], rowsPerCommit)) {
      yield commit(rows.map((miss) => ({ miss })));
      if (signal?.aborted === true) break;
    }
    const ignore = new Set([options.paths.root, ...(manifest.file === null ? [] : [manifest.file])]);
    const items = walkSources(options.sources, limits, ignore);
    for await (const prepared of mapInOrder(items, concurrency, (item) =>
      prepareItem(withoutTables(item, datasets), options, limits, manifest.index, datasets),
    )) {
      if (signal?.aborted === true) break;
      batch.push(prepared);
      if (batch.length < batchSize) continue;
      yield commit(batch);
      batch = [];
    }
    if (batch.length > 0) yield commit(batch);
    batch = [];
    for (const rows of chunksOf(signal?.aborted === true ? [] : manifest.unused(), rowsPerCommit)) {
      yield commit(rows.map((miss) => ({ miss })));
      if (signal?.aborted === true) break;
    }
    const cancelled = signal?.aborted === true;
    store.finish(importId, cancelled ? 'cancelled' : 'done');
    finished = true;
    yield { type: 'finished', importId, cancelled, counts: { ...counts } };
  } catch (error) {
    cause = error;
    throw error;
  } finally {
    if (!finished) closeFailed(store, importId, { batch, source: options.sources[0] ?? '', cause });
  }
}

function* chunksOf<T>(items: readonly T[], size: number): Generator<readonly T[]> {
  for (let start = 0; start < items.length; start += size) yield items.slice(start, start + size);
}

/** Tables, masks and copies of a data set are read with its photographs, and are none of their own. */
function withoutTables(item: SourceItem, datasets: LoadedDatasets): SourceItem {
  const other = item.kind === 'file' && item.inPlace !== null ? datasets.otherUseOf(item.inPlace) : null;
  if (item.kind === 'miss' || other === null) return item;
  const what = {
    'dataset.table': 'A table or text of',
    'dataset.mask': 'A mask of a photograph of',
    'dataset.copy': 'A copy of a photograph of',
  }[other.use];
  return miss(item.path, 'skipped', other.use, `${what} ${other.title}.`);
}

async function prepareItem(
  item: SourceItem,
  options: ImportOptions,
  limits: ImportLimits,
  manifest: Parameters<typeof prepareRecord>[0]['manifest'],
  datasets: LoadedDatasets,
): Promise<Prepared> {
  if (item.kind === 'miss') return { miss: item.miss };
  let sha256: string | null = null;
  try {
    options.signal?.throwIfAborted();
    const bytes = await item.read();
    sha256 = createHash('sha256').update(bytes).digest('hex');
    return { record: await prepareRecord({ item, bytes, sha256, options, limits, manifest, datasets }) };
  } catch (error) {
    if (options.signal?.aborted === true) {
      const detail = 'The import was cancelled before this file.';
      return { miss: { path: item.path, status: 'skipped', reason: null, detail, sha256 } };
    }
    if (concernsLibrary(error)) throw error;
    if (!(error instanceof ImportFailure)) {
      options.onDefect?.(error);
      return { miss: unexpectedFile(item.path, sha256, error) };
    }
    const { reason, message } = error;
    const status = reason === 'link.skipped' || reason === 'file.special' ? 'skipped' : 'failed';
    return { miss: { path: item.path, status, reason, detail: message, sha256 } };
  }
}

/** Says why an import ended early: the entry that stands for the rest of its files. */
export function stoppedEntry(source: string, cause: unknown): ImportMiss {
  const why = cause instanceof FundusLensError ? cause.summary : 'The software met a defect of its own.';
  const detail = `${why} The import ended early; what is listed as added is in the library.`;
  return { path: source, status: 'failed', reason: 'import.stopped', detail, sha256: null };
}

/** Keeps what was ready, and the reason; each as far as the library still takes it, for it may be what failed. */
function closeFailed(
  store: ImportStore,
  importId: number,
  { batch, source, cause }: { batch: readonly Prepared[]; source: string; cause: unknown },
): void {
  const steps = [
    () => (batch.length > 0 ? commitBatch(store, importId, batch) : []),
    () => store.commit(importId, [], [stoppedEntry(source, cause)]),
    () => store.finish(importId, 'failed'),
  ];
  for (const step of steps) {
    try {
      step();
    } catch {
      // The error that ended the import is on its way to the caller.
    }
  }
}
