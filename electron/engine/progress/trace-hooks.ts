import { setImmediate } from 'node:timers/promises';
import { FundusLensError } from '../../contract/errors.ts';
import type { EngineProgress, EngineStage } from '../lens-trace/progress.ts';

/** How a running trace talks to its caller. */
export interface TraceHooks {
  readonly onProgress?: (progress: EngineProgress) => void;
  /** Checked before every stage and every chunk; an abort ends the trace with `engine.cancelled`. */
  readonly signal?: AbortSignal;
}

/**
 * Reports progress and lets waiting messages in, so that a cancel is seen before the next piece of work.
 *
 * @throws FundusLensError `engine.cancelled`
 */
export async function reportProgress(
  hooks: TraceHooks,
  stage: EngineStage,
  done: number,
  total: number,
): Promise<void> {
  hooks.onProgress?.({ stage, done, total });
  await setImmediate();
  if (hooks.signal?.aborted === true)
    throw new FundusLensError('engine.cancelled', 'The trace was cancelled.');
}

export function isCancelled(error: unknown): boolean {
  return error instanceof FundusLensError && error.code === 'engine.cancelled';
}
