import type { ModelOrigin } from '../contract/models/models.ts';
import type { ExpectedFile } from './content-hash.ts';

export interface ReadOptions {
  /** First byte wanted. */
  readonly from: number;
  /** One past the last byte wanted; the end of the file when left out. */
  readonly to?: number;
  readonly signal: AbortSignal;
}

/** What stands behind a model that is being added: a hub, or a folder of this computer. */
export interface FileSource {
  readonly origin: ModelOrigin;
  /** Every file of the model, whether needed or not. */
  readonly files: readonly ExpectedFile[];
  /**
   * Bytes of a file, in order. Whether a failed read may be tried again at once says {@link isTransient}.
   *
   * @throws FundusLensError in words that a person understands
   */
  read(file: ExpectedFile, options: ReadOptions): AsyncIterable<Uint8Array>;
}
