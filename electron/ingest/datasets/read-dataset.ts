import type { ProtocolSchema } from '../../protocol/schema.ts';
import { brset } from './brset.ts';
import { FileIndex } from './dataset-files.ts';
import { RecordCollector, type DatasetReader } from './dataset-reader.ts';
import type { DatasetFile, DatasetOrigin, DatasetProblem, DatasetRecord } from './dataset-record.ts';
import { aptos, ddr, messidor2 } from './graded-sets.ts';
import { idrid } from './idrid.ts';
import { odir } from './odir.ts';
import { papila } from './papila.ts';
import { rfmid } from './rfmid.ts';

/** Every data set whose layout is known. */
const readers: readonly DatasetReader[] = [idrid, aptos, messidor2, ddr, rfmid, odir, brset, papila];

export const knownDatasets: readonly DatasetOrigin[] = readers.map(({ origin }) => origin);

export interface ReadDataset {
  readonly origin: DatasetOrigin;
  readonly records: readonly DatasetRecord[];
  readonly problems: readonly DatasetProblem[];
  /** Pictures that show its photographs again, smaller or with drawings on them. */
  readonly copies: readonly string[];
}

/** Says whether a file's text must be read before {@link readDatasets} is asked. */
export function isDatasetText(path: string): boolean {
  return /\.(?:csv|tsv|txt)$/i.test(path);
}

/**
 * Recognises known data sets by their folders and columns, and reads what they say about each photograph.
 *
 * A bad row, a row without its picture, or a contour that cannot be measured is listed and passed over.
 *
 * @param files everything below the chosen folder; text only of the files that {@link isDatasetText} names
 * @returns one entry for each data set recognised; empty when the folder is none
 */
export function readDatasets(schema: ProtocolSchema, files: readonly DatasetFile[]): ReadDataset[] {
  const byPath = new Intl.Collator('en', { numeric: true });
  const index = new FileIndex(
    files
      .map(({ path, text }) => ({ path: path.replaceAll('\\', '/').normalize('NFC'), text }))
      .sort((a, b) => byPath.compare(a.path, b.path)),
  );
  return readers
    .filter((reader) => reader.recognises(index))
    .map((reader) => {
      const collector = new RecordCollector(schema);
      reader.read(collector, index);
      return {
        origin: reader.origin,
        records: collector.records.map((record) => record.build(reader.origin)),
        problems: collector.problems,
        copies: reader.copies === undefined ? [] : index.picturesIn(reader.copies),
      };
    });
}
