import type { ImportStore } from '../contract/imports/import-store.ts';
import type { LibraryPaths } from '../contract/app/library.ts';
import type { ProtocolSchema } from '../protocol/schema.ts';
import type { FolderRule } from './sources/folder-rule.ts';
import type { ImportLimits } from './import-failure.ts';

/** Writes a file of the library whole or not at all; the path is relative to the library folder. */
export interface FileWriter {
  write(relativePath: string, data: Uint8Array): Promise<void>;
}

export interface ImportOptions {
  /** Files, folders, zip archives and DICOMDIRs. */
  readonly sources: readonly string[];
  readonly store: ImportStore;
  readonly files: FileWriter;
  readonly paths: LibraryPaths;
  /** What folder names mean where neither DICOM nor the manifest names the patient. */
  readonly folderRule?: FolderRule;
  /** Path of a CSV manifest. */
  readonly manifest?: string | null;
  /** The protocol that labels of public data sets are entered in; without it, none is recognised. */
  readonly protocolSchema?: ProtocolSchema | null;
  /** Copy into the library, or refer to the file where it lies. */
  readonly storage?: 'managed' | 'in-place';
  readonly limits?: ImportLimits;
  readonly signal?: AbortSignal;
  /** Files decoded at a time. */
  readonly concurrency?: number;
  /** Files per transaction. */
  readonly batchSize?: number;
  /** Told what nobody foresaw of a file that was left out, for the log. */
  readonly onDefect?: (error: unknown) => void;
}
