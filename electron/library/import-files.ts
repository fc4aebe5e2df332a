import { createHash } from 'node:crypto';
import type { ImportCounts, ImportEntry, ImportMiss, ImportStore } from '../common/import-model.ts';
import { importStatuses } from '../common/import-model.ts';
import type { ImportRecord, ImportRepeat } from '../common/import-model.ts';
import { defaultLimits, ImportFailure } from './import-failure.ts';
import type { ImportLimits } from './import-failure.ts';
import type { ImportOptions } from './import-options.ts';
import { loadManifest } from './load-manifest.ts';
import { mapInOrder } from './map-in-order.ts';
import { prepareRecord } from './prepare-record.ts';
import type { SourceItem } from './source-item.ts';
import { walkSources } from './walk-sources.ts';

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

export type Prepared = { readonly record: ImportRecord | ImportRepeat } | { readonly miss: ImportMiss };

/**
 * Takes everything under the sources into the library, batch by batch. A bad file is listed with its reason and never
 * stops the rest; an abort ends after the batch at hand, and what was committed stays.
 *
 * @throws only what concerns the library itself, such as library.disk-full; everything committed before is kept
 */
export async function* importFiles(options: ImportOptions): AsyncGenerator<ImportEvent> {
  const { store, signal, batchSize = 32, concurrency = 2, limits = defaultLimits } = options;
  const importId = store.begin(options.sources);
  const counts = Object.fromEntries(importStatuses.map((status) => [status, 0])) as ImportCounts;
  const commit = (batch: readonly Prepared[]): ImportEvent => {
    const records = batch.flatMap((prepared) => ('record' in prepared ? [prepared.record] : []));
    const misses = batch.flatMap((prepared) => ('miss' in prepared ? [prepared.miss] : []));
    const entries = store.commit(importId, records, misses);
    for (const { status } of entries) counts[status]++;
    return { type: 'committed', entries, counts: { ...counts } };
  };
  let finished = false;
  try {
    yield { type: 'started', importId };
    const manifest = await loadManifest(options.manifest ?? null, limits);
    if (manifest.problems.length > 0) yield commit(manifest.problems.map((miss) => ({ miss })));
    const ignore = new Set([options.paths.root, ...(manifest.file === null ? [] : [manifest.file])]);
    const items = walkSources(options.sources, limits, ignore);
    let batch: Prepared[] = [];
    for await (const prepared of mapInOrder(items, concurrency, (item) =>
      prepareItem(item, options, limits, manifest.index),
    )) {
      if (signal?.aborted === true) break;
      batch.push(prepared);
      if (batch.length < batchSize) continue;
      yield commit(batch);
      batch = [];
    }
    const cancelled = signal?.aborted === true;
    if (!cancelled) batch.push(...manifest.unused().map((miss) => ({ miss })));
    if (batch.length > 0) yield commit(batch);
    store.finish(importId, cancelled ? 'cancelled' : 'done');
    finished = true;
    yield { type: 'finished', importId, cancelled, counts: { ...counts } };
  } finally {
    if (!finished) closeFailed(store, importId);
  }
}

async function prepareItem(
  item: SourceItem,
  options: ImportOptions,
  limits: ImportLimits,
  manifest: Parameters<typeof prepareRecord>[0]['manifest'],
): Promise<Prepared> {
  if (item.kind === 'miss') return { miss: item.miss };
  let sha256: string | null = null;
  try {
    options.signal?.throwIfAborted();
    const bytes = await item.read();
    sha256 = createHash('sha256').update(bytes).digest('hex');
    return { record: await prepareRecord({ item, bytes, sha256, options, limits, manifest }) };
  } catch (error) {
    if (options.signal?.aborted === true) {
      const detail = 'The import was cancelled before this file.';
      return { miss: { path: item.path, status: 'skipped', reason: null, detail, sha256 } };
    }
    if (!(error instanceof ImportFailure)) throw error;
    const { reason, message } = error;
    const status = reason === 'link.skipped' || reason === 'file.special' ? 'skipped' : 'failed';
    return { miss: { path: item.path, status, reason, detail: message, sha256 } };
  }
}

/** The library may be what failed; then the next start marks the import. */
function closeFailed(store: ImportStore, importId: number): void {
  try {
    store.finish(importId, 'failed');
  } catch {
    // The error that ended the import is on its way to the caller.
  }
}
