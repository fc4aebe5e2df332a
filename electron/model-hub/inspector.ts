import type { CheckpointOutline, CheckpointReport } from '../contract/models/checkpoint-report.ts';

/** Who understands checkpoints: the engine, in its own process. */
export interface Inspector {
  /**
   * Compiles a folder's graphs by its small files and the headers of its weights, and reads nothing else.
   *
   * @throws FundusLensError `model.*` for whatever cannot be used
   */
  outline(folder: string, signal: AbortSignal): Promise<CheckpointOutline>;
  /** The same, and hashes every byte. */
  inspect(
    folder: string,
    signal: AbortSignal,
    onProgress: (done: number, total: number) => void,
  ): Promise<CheckpointReport>;
}
