import { existsSync, lstatSync } from 'node:fs';
import path from 'node:path';
import { parseDicom } from '../dicom/dicom-file.ts';
import { DicomValues } from '../dicom/values.ts';
import type { ImportLimits } from '../import-failure.ts';
import { ImportFailure } from '../import-failure.ts';
import { readStableFile } from './read-stable-file.ts';
import { miss } from './source-item.ts';
import type { SourceItem } from './source-item.ts';

/** A file that a DICOMDIR lists: its path below the folder of the DICOMDIR. */
interface ReferencedFile {
  readonly segments: readonly string[];
}

export function isDicomDir(name: string): boolean {
  return name.toUpperCase() === 'DICOMDIR';
}

/**
 * Lists the files of a DICOMDIR, in its order.
 *
 * @param only what to yield: files with what is missing, or only what is missing, where a folder is walked anyway
 */
export async function* readDicomDir(
  file: string,
  limits: ImportLimits,
  only: 'all' | 'missing',
): AsyncGenerator<SourceItem> {
  let references: ReferencedFile[];
  try {
    references = parseReferences(await readStableFile(file, limits.fileBytes), limits);
  } catch (error) {
    if (!(error instanceof ImportFailure)) throw error;
    yield miss(file, 'failed', 'dicomdir.damaged', 'The DICOMDIR cannot be read.');
    return;
  }
  yield miss(file, 'skipped', 'dicomdir.index', `An index of ${references.length} files.`);
  const folder = path.dirname(file);
  for (const { segments } of references) {
    const listed = path.join(folder, ...segments);
    if (segments.some((segment) => segment === '..' || /[\\/\0:]/.test(segment))) {
      yield miss(
        file,
        'failed',
        'dicomdir.unsafe-path',
        'An entry leads out of the folder; it was not read.',
      );
    } else if (!isFileInside(folder, segments)) {
      yield miss(
        listed,
        'failed',
        'dicomdir.missing-file',
        'The DICOMDIR lists this file, but it is not there.',
      );
    } else if (only === 'all') {
      yield {
        kind: 'file',
        path: listed,
        name: segments.at(-1)!,
        folders: segments.slice(0, -1),
        inPlace: listed,
        read: () => readStableFile(listed, limits.fileBytes),
      };
    }
  }
}

/** Directory records (0004,1220) name their files in (0004,1500), a segment a value. */
function parseReferences(bytes: Uint8Array, limits: ImportLimits): ReferencedFile[] {
  const { dataset, littleEndian } = parseDicom(bytes, limits);
  const records = new DicomValues(dataset, littleEndian).items(0x00041220);
  return records.flatMap((record) => {
    const name = record.ascii(0x00041500);
    return name === '' ? [] : [{ segments: name.split('\\').map((segment) => segment.trim()) }];
  });
}

/** No part of the way may be a link. */
function isFileInside(folder: string, segments: readonly string[]): boolean {
  let current = folder;
  for (const [index, segment] of segments.entries()) {
    current = path.join(current, segment);
    if (!existsSync(current)) return false;
    const stats = lstatSync(current);
    if (index === segments.length - 1 ? !stats.isFile() : !stats.isDirectory()) return false;
  }
  return segments.length > 0;
}
