import type { Dirent } from 'node:fs';
import { lstat, open, readdir, realpath } from 'node:fs/promises';
import path from 'node:path';
import { unexpectedFile } from '../commit-batch.ts';
import { isDicomDir, readDicomDir } from './dicomdir.ts';
import type { ImportLimits } from '../import-failure.ts';
import { ImportFailure } from '../import-failure.ts';
import { explainFileError, readStableFile } from './read-stable-file.ts';
import { miss } from './source-item.ts';
import type { SourceItem } from './source-item.ts';
import { readZip } from './zip-source.ts';

const systemFiles = /^(?:\.DS_Store|\._.*|Thumbs\.db|ehthumbs\.db|desktop\.ini|\.directory|\.nomedia)$/i;
/** Texts that people put beside images; in a folder they are expected, and no failure. */
const documents = /^(?:(?:readme|licen[cs]e|copying|notice)(?:\.txt)?|.*\.(?:md|markdown|rst))$/i;
const systemFolders =
  /^(?:__MACOSX|\$RECYCLE\.BIN|System Volume Information|\.Spotlight-V100|\.Trashes|\.git)$/i;

/**
 * Finds every file of the given files, folders, zip archives and DICOMDIRs, in a stable order. Links are not followed,
 * devices and pipes not opened; both are listed. A link that a person chose as a source is resolved.
 *
 * @param ignore absolute paths that are no images, such as the manifest and the library itself
 */
export async function* walkSources(
  sources: readonly string[],
  limits: ImportLimits,
  ignore: ReadonlySet<string> = new Set(),
): AsyncGenerator<SourceItem> {
  for (const source of sources) {
    try {
      const resolved = await realpath(path.resolve(source));
      const stats = await lstat(resolved);
      if (stats.isDirectory()) yield* walkFolder(resolved, [], limits, ignore);
      else if (isDicomDir(path.basename(resolved))) yield* readDicomDir(resolved, limits, 'all');
      else yield* readFile(resolved, [], limits);
    } catch (error) {
      yield explained(source, error);
    }
  }
}

async function* walkFolder(
  folder: string,
  folders: readonly string[],
  limits: ImportLimits,
  ignore: ReadonlySet<string>,
): AsyncGenerator<SourceItem> {
  let entries: Dirent[];
  try {
    entries = await readdir(folder, { withFileTypes: true });
  } catch (error) {
    yield explained(folder, error);
    return;
  }
  entries.sort((a, b) => (a.name < b.name ? -1 : 1));
  const spellings = new Map<string, string>();
  for (const entry of entries) {
    const file = path.join(folder, entry.name);
    if (ignore.has(file)) continue;
    const caseless = entry.name.normalize('NFC').toLowerCase();
    if (spellings.has(caseless)) {
      yield miss(file, 'note', 'remark.name-differs-in-case', 'Another name here differs only in case.');
    }
    spellings.set(caseless, entry.name);
    try {
      yield* walkEntry(entry, file, folders, limits, ignore);
    } catch (error) {
      yield explained(file, error);
    }
  }
}

async function* walkEntry(
  entry: Dirent,
  file: string,
  folders: readonly string[],
  limits: ImportLimits,
  ignore: ReadonlySet<string>,
): AsyncGenerator<SourceItem> {
  if (entry.isSymbolicLink()) {
    yield miss(file, 'skipped', 'link.skipped', 'Symbolic links are not followed.');
  } else if (entry.isDirectory()) {
    if (systemFolders.test(entry.name)) {
      yield miss(file, 'skipped', 'system-file.skipped', 'A folder of the operating system.');
    } else {
      yield* walkFolder(file, [...folders, entry.name], limits, ignore);
    }
  } else if (!entry.isFile()) {
    yield miss(file, 'skipped', 'file.special', 'This is a device, a pipe or a socket.');
  } else if (systemFiles.test(entry.name)) {
    yield miss(file, 'skipped', 'system-file.skipped', 'A file of the operating system.');
  } else if (documents.test(entry.name)) {
    yield miss(file, 'skipped', 'document.skipped', 'A text beside the images.');
  } else if (isDicomDir(entry.name)) {
    yield* readDicomDir(file, limits, 'missing');
  } else {
    yield* readFile(file, folders, limits);
  }
}

async function* readFile(
  file: string,
  folders: readonly string[],
  limits: ImportLimits,
): AsyncGenerator<SourceItem> {
  if (await isZip(file)) {
    yield* readZip(file, folders, limits);
    return;
  }
  const read = () => readStableFile(file, limits.fileBytes);
  yield { kind: 'file', path: file, name: path.basename(file), folders, inPlace: file, read };
}

/** Archives are told by their first bytes; a file that cannot be opened is reported when it is read. */
async function isZip(file: string): Promise<boolean> {
  if (!(await lstat(file)).isFile()) return false;
  try {
    const handle = await open(file, 'r');
    try {
      const { bytesRead, buffer } = await handle.read(Buffer.alloc(4), 0, 4, 0);
      return bytesRead === 4 && ['504b0304', '504b0506'].includes(buffer.toString('hex'));
    } finally {
      await handle.close();
    }
  } catch {
    return false;
  }
}

function explained(file: string, error: unknown): SourceItem {
  const failure = explainFileError(error);
  if (!(failure instanceof ImportFailure)) return { kind: 'miss', miss: unexpectedFile(file, null, failure) };
  const status =
    failure.reason === 'link.skipped' || failure.reason === 'file.special' ? 'skipped' : 'failed';
  return miss(file, status, failure.reason, failure.message);
}
