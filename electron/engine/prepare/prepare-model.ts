import type { PreparedManifest, PrepareProgress, PrepareRequest } from '../../common/prepared-model.ts';

export interface PrepareHooks {
  readonly onProgress?: (progress: PrepareProgress) => void;
  /** An abort ends the work within a chunk, with `engine.cancelled`; what is finished is kept for the next try. */
  readonly signal?: AbortSignal;
}

/**
 * Writes a checkpoint's weights in another format, for in-place loading: tensor by tensor in chunks of rows, on
 * all cores, in bounded memory. A try that was cancelled or killed is taken up where it stopped, and the folder
 * gets its name only when every byte in it was verified.
 *
 * @throws FundusLensError `model.*` for what is wrong with the source, `output.unwritable`, `engine.cancelled`
 */
export function prepareModel(_request: PrepareRequest, _hooks: PrepareHooks): Promise<PreparedManifest> {
  return Promise.reject(new Error('not written yet'));
}
