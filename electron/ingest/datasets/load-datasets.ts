import { readdir, readFile, realpath, stat } from 'node:fs/promises';
import path from 'node:path';
import type { Dataset, FoundDataset } from '../../contract/images/datasets.ts';
import type { ImportMiss } from '../../contract/imports/import-store.ts';
import type { ProtocolSchema } from '../../protocol/schema.ts';
import type { DatasetFile, DatasetRecord } from './dataset-record.ts';
import { isDatasetText, readDatasets } from './read-dataset.ts';
import type { ReadDataset } from './read-dataset.ts';

/** What a file of a data set is, apart from a photograph. */
type OtherUse = 'dataset.table' | 'dataset.mask' | 'dataset.copy';

/** A photograph of a data set, and where the data set lies. */
export interface PlacedRecord {
  /** Absolute. */
  readonly folder: string;
  readonly origin: Dataset;
  /** Null for a photograph that no table and no mask mentions. */
  readonly record: DatasetRecord | null;
}

/** The data sets among the sources of an import. */
export interface LoadedDatasets {
  /** For the report: what was recognised, and rows and files that cannot be used. */
  readonly notes: readonly ImportMiss[];
  /** @param file absolute path; @returns null for a file that is in no data set */
  of: (file: string) => PlacedRecord | null;
  /** @param file absolute path; @returns null for what may be a photograph to take in */
  otherUseOf: (file: string) => { readonly title: string; readonly use: OtherUse } | null;
}

export const noDatasets: LoadedDatasets = { notes: [], of: () => null, otherUseOf: () => null };

/** Tables are much smaller; what is larger is not read. */
const maxTextBytes = 64 * 1024 * 1024;

/** Reads what the data sets among the sources say of their photographs; pictures are not opened. */
export async function loadDatasets(
  sources: readonly string[],
  schema: ProtocolSchema,
): Promise<LoadedDatasets> {
  const notes: ImportMiss[] = [];
  const records = new Map<string, PlacedRecord>();
  const others = new Map<string, { title: string; use: OtherUse }>();
  for (const source of sources) {
    const folder = await realpath(path.resolve(source)).catch(() => null);
    if (folder === null || !(await stat(folder)).isDirectory()) continue;
    const files = await readFiles(folder);
    const datasets = readDatasets(schema, files);
    const real = new Map(files.map((file) => [normalise(file.path), path.join(folder, file.path)]));
    const [first, ...more] = datasets;
    for (const dataset of datasets) {
      const { origin } = dataset;
      notes.push(recognised(folder, dataset), ...problemsOf(folder, dataset));
      for (const record of dataset.records) {
        const file = real.get(record.imagePath)!;
        if (!records.has(file)) records.set(file, { folder, origin, record });
        for (const mask of record.masks) {
          others.set(real.get(mask.path)!, { title: origin.title, use: 'dataset.mask' });
        }
      }
      for (const { path: unused, line } of dataset.problems) {
        const file = real.get(unused);
        if (line === null && file !== undefined && !records.has(file)) {
          others.set(file, { title: origin.title, use: 'dataset.mask' });
        }
      }
      for (const copy of dataset.copies) {
        others.set(real.get(copy)!, { title: origin.title, use: 'dataset.copy' });
      }
    }
    if (first === undefined) continue;
    for (const [normal, file] of real) {
      if (isDatasetText(normal)) others.set(file, { title: first.origin.title, use: 'dataset.table' });
      // Where one data set is the whole folder, its terms hold for the photographs without labels too.
      else if (more.length === 0 && !records.has(file)) {
        records.set(file, { folder, origin: first.origin, record: null });
      }
    }
  }
  return {
    notes,
    of: (file) => records.get(file) ?? null,
    otherUseOf: (file) => others.get(file) ?? null,
  };
}

function describeDataset({ origin, records, problems }: ReadDataset): FoundDataset {
  const labels = new Map<string, number>();
  for (const { values } of records) {
    for (const field of Object.keys(values)) labels.set(field, (labels.get(field) ?? 0) + 1);
  }
  return {
    ...origin,
    images: records.length,
    patients: new Set(records.flatMap(({ patientCode }) => patientCode ?? [])).size,
    labels: [...labels].map(([field, images]) => ({ field, images })),
    marked: records.filter(({ masks, outlines }) => masks.length + outlines.length > 0).length,
    problems: problems.length,
  };
}

async function readFiles(folder: string): Promise<DatasetFile[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files: DatasetFile[] = [];
  for (const entry of entries) {
    if (!entry.isFile()) continue;
    const file = path.join(entry.parentPath, entry.name);
    const relative = path.relative(folder, file).replaceAll(path.sep, '/');
    files.push({ path: relative, text: isDatasetText(relative) ? await readText(file) : null });
  }
  return files;
}

async function readText(file: string): Promise<string | null> {
  try {
    return (await stat(file)).size > maxTextBytes ? null : await readFile(file, 'utf8');
  } catch {
    // The import itself lists what cannot be read.
    return null;
  }
}

function recognised(folder: string, dataset: ReadDataset): ImportMiss {
  const { title, licence, images, patients, marked } = describeDataset(dataset);
  const people = patients === 0 ? 'patients not told apart' : `${patients} patients`;
  const detail = `${title}: ${images} photographs with labels, ${people}, ${marked} with marked places. Terms: ${licence}.`;
  return { path: folder, status: 'note', reason: 'dataset.recognised', detail, sha256: null };
}

function problemsOf(folder: string, { origin, problems }: ReadDataset): ImportMiss[] {
  return problems.map(({ path: file, line, expected, found }) => ({
    path: path.join(folder, file),
    status: 'failed',
    reason: 'dataset.bad-row',
    detail: `${origin.title}${line === null ? '' : `, line ${line}`}: expected ${expected}; found ${found || 'nothing'}.`,
    sha256: null,
  }));
}

function normalise(file: string): string {
  return file.replaceAll('\\', '/').normalize('NFC');
}
