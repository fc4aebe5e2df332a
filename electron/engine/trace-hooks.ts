import type { EngineProgress } from '../common/engine-messages.ts';

/** How a running trace talks to its caller. */
export interface TraceHooks {
  readonly onProgress?: (progress: EngineProgress) => void;
  /** Checked before every stage and every chunk; an abort ends the trace with `engine.cancelled`. */
  readonly signal?: AbortSignal;
}
