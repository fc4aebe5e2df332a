import type { DatasetLabels } from '../images/datasets.ts';
import type { LibraryImage } from '../images/library-image.ts';
import type { ImportEntry, ImportState } from './imports.ts';
import type { Patient } from '../images/patients.ts';
import type { Visit } from '../images/visits.ts';

/** A decoded file that waits to be committed. */
export interface ImportRecord {
  readonly image: Omit<LibraryImage, 'id' | 'patientId' | 'visitId' | 'traceCount' | 'importedAt'>;
  readonly patient: Pick<Patient, 'code' | 'name' | 'birthYear' | 'sex'> | null;
  readonly visit: Pick<Visit, 'key' | 'date' | 'label' | 'studyUid'> | null;
  readonly tags: readonly string[];
  readonly findings: readonly { readonly label: string; readonly source: 'manifest' | 'dicom' }[];
  /** Null for a photograph of no known data set. */
  readonly dataset: DatasetLabels | null;
}

/** A file whose content the library has already, so that it was not decoded again. */
export interface ImportRepeat {
  readonly repeat: true;
  readonly path: string;
  readonly sha256: string;
  readonly patient: ImportRecord['patient'];
  /** Is added to the image that is there. */
  readonly dataset: DatasetLabels | null;
}

/** An outcome that needs no row in `images`. */
export type ImportMiss = Omit<ImportEntry, 'imageId'>;

/** What the import needs of a store; one batch is one transaction, and returning from it is the acknowledgement. */
export interface ImportStore {
  begin(sources: readonly string[]): number;
  /** The outcome of each record, then each miss, in the order given. */
  commit(
    importId: number,
    records: readonly (ImportRecord | ImportRepeat)[],
    misses: readonly ImportMiss[],
  ): ImportEntry[];
  finish(importId: number, state: Exclude<ImportState, 'running'>): void;
  hasContent(sha256: string): boolean;
}
