import { limits } from '../contract/limits.ts';
import type { ImportReason } from '../contract/imports/imports.ts';

/** A file that cannot be taken in, and why; the message is a sentence for the report and names no patient. */
export class ImportFailure extends Error {
  readonly reason: ImportReason;

  constructor(reason: ImportReason, message: string, cause?: unknown) {
    super(message, cause === undefined ? {} : { cause });
    this.name = 'ImportFailure';
    this.reason = reason;
  }
}

/** Limits that keep one hostile or mistaken file from taking the machine down. */
export interface ImportLimits {
  /** Bytes of one file. */
  readonly fileBytes: number;
  /** Pixels of one image or frame. */
  readonly pixels: number;
  /** Entries of one archive. */
  readonly archiveEntries: number;
  /** Unpacked bytes of one archive. */
  readonly archiveBytes: number;
  /** Unpacked to packed bytes of one archive entry. */
  readonly archiveRatio: number;
}

export const defaultLimits: ImportLimits = limits.import;
