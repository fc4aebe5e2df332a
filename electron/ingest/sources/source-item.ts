import type { ImportMiss } from '../../contract/imports/import-store.ts';
import type { ImportReason, ImportStatus } from '../../contract/imports/imports.ts';

/** A file that was found, or what has to be said about something that is none. */
export type SourceItem = SourceFile | { readonly kind: 'miss'; readonly miss: ImportMiss };

export interface SourceFile {
  readonly kind: 'file';
  /** For the report; inside an archive as `archive.zip!/folder/file.jpg`. */
  readonly path: string;
  readonly name: string;
  /** Folders between the source and the file, outermost first. */
  readonly folders: readonly string[];
  /** Absolute path, where the file can be used in place; null inside an archive. */
  readonly inPlace: string | null;
  readonly read: () => Promise<Buffer>;
}

export function miss(path: string, status: ImportStatus, reason: ImportReason, detail: string): SourceItem {
  return { kind: 'miss', miss: { path, status, reason, detail, sha256: null } };
}
