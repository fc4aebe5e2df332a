import type { FidelityProgress, FidelityReport, FidelityRequest } from '../../common/fidelity-report.ts';

export interface FidelityHooks {
  readonly onProgress?: (progress: FidelityProgress) => void;
  /** An abort ends the work within a layer, with `engine.cancelled`. */
  readonly signal?: AbortSignal;
}

/**
 * Runs every image with every prompt through the prepared weights and through the float32 ones, layer by layer
 * so that never more than one layer of either is in memory, compares what the lens reads, and writes the report
 * beside `prepared.json`.
 *
 * @throws FundusLensError `model.*`, `image.*`, `engine.cancelled`
 */
export function verifyModel(_request: FidelityRequest, _hooks: FidelityHooks): Promise<FidelityReport> {
  return Promise.reject(new Error('not written yet'));
}
