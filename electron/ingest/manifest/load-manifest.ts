import path from 'node:path';
import { realpath } from 'node:fs/promises';
import type { ImportMiss } from '../../contract/imports/import-store.ts';
import { unexpectedFile } from '../commit-batch.ts';
import { ImportFailure } from '../import-failure.ts';
import type { ImportLimits } from '../import-failure.ts';
import { decodeManifest, ManifestIndex, parseManifest } from './manifest.ts';
import { explainFileError, readStableFile } from '../sources/read-stable-file.ts';

export interface LoadedManifest {
  /** Absolute path, so that the manifest is not taken for an image; null without one. */
  readonly file: string | null;
  readonly index: ManifestIndex;
  readonly problems: readonly ImportMiss[];
  /** Rows whose file was not met; ask when all files were seen. */
  readonly unused: () => ImportMiss[];
}

/** Reads the manifest of an import; what is wrong with it is listed and does not stop the import. */
export async function loadManifest(file: string | null, limits: ImportLimits): Promise<LoadedManifest> {
  if (file === null) return { file, index: new ManifestIndex([]), problems: [], unused: () => [] };
  const miss = (reason: ImportMiss['reason'], detail: string): ImportMiss => ({
    path: file,
    status: 'failed',
    reason,
    detail,
    sha256: null,
  });
  try {
    const absolute = await realpath(path.resolve(file));
    const manifest = parseManifest(decodeManifest(await readStableFile(absolute, limits.fileBytes)));
    const index = new ManifestIndex(manifest.rows);
    return {
      file: absolute,
      index,
      problems: manifest.problems.map(({ message }) => miss('manifest.bad-row', message)),
      unused: () =>
        index.unused().map(({ line }) => miss('manifest.no-file', `Row ${line}: its file was not found.`)),
    };
  } catch (error) {
    const failure = explainFileError(error);
    const why =
      failure instanceof ImportFailure ? failure.message : unexpectedFile(file, null, failure).detail;
    const problems = [miss('manifest.read', `The manifest cannot be read: ${why}`)];
    return { file: null, index: new ManifestIndex([]), problems, unused: () => [] };
  }
}
