import type { Readable } from 'node:stream';
import { openPromise } from 'yauzl';
import type { Entry, ZipFile } from 'yauzl';
import type { ImportLimits } from '../import-failure.ts';
import { ImportFailure } from '../import-failure.ts';
import { miss } from './source-item.ts';
import type { SourceItem } from './source-item.ts';

/** Smaller entries cannot do harm, however well they were packed. */
const ratioFloorBytes = 4 * 1024 * 1024;

/**
 * Unpacks a zip file entry by entry into memory, never to disk. Names that climb out of the archive, encrypted entries
 * and bombs are listed and not read.
 *
 * @param file path of the archive
 * @param outer folders between the source and the archive, which come before those inside it
 */
export async function* readZip(
  file: string,
  outer: readonly string[],
  limits: ImportLimits,
): AsyncGenerator<SourceItem> {
  let zip: ZipFile;
  try {
    zip = await openPromise(file, { autoClose: false, decodeStrings: false, strictFileNames: false });
  } catch {
    yield miss(file, 'failed', 'archive.damaged', 'The zip archive is damaged or incomplete.');
    return;
  }
  try {
    if (zip.entryCount > limits.archiveEntries) {
      const detail = `The archive has ${zip.entryCount} entries; at most ${limits.archiveEntries} are taken in.`;
      yield miss(file, 'failed', 'archive.entry-count', detail);
      return;
    }
    let total = 0;
    for await (const entry of zip.eachEntry()) {
      const name = decodeEntryName(entry);
      if (/[\\/]$/.test(name)) continue;
      const path = `${file}!/${name}`;
      try {
        const segments = checkName(name);
        checkEntry(entry, limits);
        total += entry.uncompressedSize;
        if (total > limits.archiveBytes) {
          const detail = `The archive unpacks to more than ${limits.archiveBytes} bytes; the rest was not read.`;
          yield miss(file, 'failed', 'archive.total-size', detail);
          return;
        }
        const bytes = await collect(await zip.openReadStreamPromise(entry), entry.uncompressedSize);
        const folders = [...outer, ...segments.slice(0, -1)];
        const own = segments.at(-1)!;
        yield { kind: 'file', path, name: own, folders, inPlace: null, read: () => Promise.resolve(bytes) };
      } catch (error) {
        const failure =
          error instanceof ImportFailure
            ? error
            : new ImportFailure('archive.damaged', 'The entry is damaged and cannot be unpacked.', error);
        yield miss(path, 'failed', failure.reason, failure.message);
      }
    }
  } catch {
    yield miss(
      file,
      'failed',
      'archive.damaged',
      'The list of the zip archive is damaged; the rest was not read.',
    );
  } finally {
    zip.close();
  }
}

/** UTF-8 where marked or valid; otherwise the DOS code page 866, as Windows packs Russian names. */
function decodeEntryName(entry: Entry): string {
  const raw = entry.fileNameRaw;
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(raw).normalize('NFC');
  } catch {
    return new TextDecoder('ibm866').decode(raw).normalize('NFC');
  }
}

/** @returns the segments of the name */
function checkName(name: string): string[] {
  const segments = name.replaceAll('\\', '/').split('/');
  const unsafe =
    segments.includes('..') || name.startsWith('/') || /^[a-z]:/i.test(name) || name.includes('\0');
  if (unsafe || segments.length === 0) {
    throw new ImportFailure(
      'archive.unsafe-path',
      'The name leads out of the archive; the entry was not read.',
    );
  }
  return segments.filter((segment) => segment !== '' && segment !== '.');
}

function checkEntry(entry: Entry, limits: ImportLimits): void {
  if (entry.isEncrypted()) {
    throw new ImportFailure('archive.encrypted', 'The entry is encrypted; unpack the archive first.');
  }
  if (!entry.canDecodeFileData()) {
    throw new ImportFailure(
      'archive.method',
      `The entry is packed with method ${entry.compressionMethod}, which is not supported.`,
    );
  }
  if (entry.uncompressedSize > limits.fileBytes) {
    throw new ImportFailure(
      'archive.entry-too-large',
      `The entry unpacks to ${entry.uncompressedSize} bytes; at most ${limits.fileBytes} are taken in.`,
    );
  }
  const ratio = entry.uncompressedSize / Math.max(1, entry.compressedSize);
  if (entry.uncompressedSize > ratioFloorBytes && ratio > limits.archiveRatio) {
    throw new ImportFailure(
      'archive.ratio',
      `The entry unpacks to ${Math.round(ratio)} times its size, as an archive bomb does; it was not read.`,
    );
  }
}

/** The reader itself checks that no more comes than was declared. */
async function collect(stream: Readable, expected: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  const bytes = Buffer.concat(chunks);
  if (bytes.byteLength !== expected) {
    throw new ImportFailure('archive.damaged', 'The entry is damaged and cannot be unpacked.');
  }
  return bytes;
}
