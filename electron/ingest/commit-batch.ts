import { FundusLensError } from '../contract/errors.ts';
import type { ImportEntry } from '../contract/imports/imports.ts';
import type {
  ImportMiss,
  ImportRecord,
  ImportRepeat,
  ImportStore,
} from '../contract/imports/import-store.ts';

export type Prepared = { readonly record: ImportRecord | ImportRepeat } | { readonly miss: ImportMiss };

/**
 * Commits a batch in one transaction. Where the store refuses it, each file is committed by itself, so that one bad
 * record costs only itself; what is refused then is listed as `file.unexpected`.
 *
 * @param onDefect is told what was refused, for the log
 * @throws what concerns the library itself, such as library.disk-full
 */
export function commitBatch(
  store: ImportStore,
  importId: number,
  batch: readonly Prepared[],
  onDefect: (error: unknown) => void = () => undefined,
): ImportEntry[] {
  const put = (items: readonly Prepared[]) =>
    store.commit(
      importId,
      items.flatMap((prepared) => ('record' in prepared ? [prepared.record] : [])),
      items.flatMap((prepared) => ('miss' in prepared ? [prepared.miss] : [])),
    );
  try {
    return put(batch);
  } catch (error) {
    if (concernsLibrary(error)) throw error;
  }
  return batch.flatMap((prepared) => {
    if ('miss' in prepared) return put([prepared]);
    try {
      return put([prepared]);
    } catch (error) {
      if (concernsLibrary(error)) throw error;
      onDefect(error);
      const { record } = prepared;
      const { path, sha256 } =
        'repeat' in record ? record : { path: record.image.originalPath, sha256: record.image.sha256 };
      return put([{ miss: unexpectedFile(path, sha256, error) }]);
    }
  });
}

/** Whether an error is about the library and not about one file: going on with the next one is of no use. */
export function concernsLibrary(error: unknown): error is FundusLensError {
  return error instanceof FundusLensError && error.code.startsWith('library.');
}

/** Names the kind of the error and not its text, which may quote what stands in the file. */
export function unexpectedFile(path: string, sha256: string | null, error: unknown): ImportMiss {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  const kind = typeof code === 'string' ? code : error instanceof Error ? error.name : typeof error;
  const detail = `Something in this file was not foreseen (${kind}); it was not taken in.`;
  return { path, status: 'failed', reason: 'file.unexpected', detail, sha256 };
}
